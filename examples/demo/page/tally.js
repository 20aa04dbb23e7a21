/** What the users of one app were told, against what their sessions hold. */
export class Tally {
  #users = new Map();

  /** Begins at 0 with users who have just signed in. */
  begin(names) {
    this.#users = new Map(names.map((name) => [name, { answered: 0, told: 0, held: 0, known: true }]));
  }

  /** The app said that an addition of this user is done. */
  added(name) {
    this.#users.get(name).answered += 1;
  }

  /** What the user's session holds, when nothing of theirs is under way. */
  read(name, { count, user }) {
    const seen = this.#users.get(name);
    seen.told = seen.answered;
    seen.held = count;
    seen.known = user === name;
  }

  /** Additions that were done as the app said, up to when each session was last read. */
  get told() {
    return this.#sum(({ told }) => told);
  }

  /** What all sessions hold. */
  get held() {
    return this.#sum(({ held }) => held);
  }

  /** Told, and not held; what failed and was done all the same makes up for nothing but itself. */
  get lost() {
    return this.#sum(({ told, held }) => Math.max(0, told - held));
  }

  /** How many users are still signed in. */
  get known() {
    return this.#sum(({ known }) => (known ? 1 : 0));
  }

  get users() {
    return this.#users.size;
  }

  #sum(read) {
    return [...this.#users.values()].reduce((sum, user) => sum + read(user), 0);
  }
}
