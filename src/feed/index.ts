/** How the instances of a fleet hear of each other: who lives, letters to one of them, and logs that all of them follow. */
export type { FeedStats } from "./feed.js";
export type { Instance, InstanceDetails } from "./roster.js";
