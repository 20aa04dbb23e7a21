import type { AddressMap, NodeAddress } from "../../config/backend-config.js";
import { addressText } from "./node.js";

/** Where an address is really dialled; itself when the map does not have it. */
export function dialled(map: AddressMap | undefined, address: NodeAddress): NodeAddress {
  if (map === undefined || address.path !== undefined) return address;
  if (typeof map === "function") return map(address) ?? address;
  const text = addressText(address);
  return Object.hasOwn(map, text) ? (map[text] ?? address) : address;
}
