/** Receives the payload of one event; what it returns is ignored, its failure is reported. */
export type Listener<Payload> = (payload: Payload) => void;

interface Registration {
  readonly listener: Listener<never>;
  readonly once: boolean;
}

/**
 * A typed emitter on which no listener can hurt the emitter or another listener.
 *
 * A listener that throws, or that returns a promise which rejects, is reported to `onListenerError`; the others still
 * run. No event name is special: `error` without a listener does nothing.
 */
export class Emitter<Events extends object> {
  readonly #registrations = new Map<keyof Events, Set<Registration>>();
  readonly #onListenerError: (error: unknown, event: keyof Events) => void;

  /** @param onListenerError default: a process warning, which neither crashes nor hides the failure. */
  constructor(onListenerError: (error: unknown, event: keyof Events) => void = warnProcess) {
    this.#onListenerError = onListenerError;
  }

  /** Calls the listener at each event, in order of registration; the returned function ends that, at once. */
  on<E extends keyof Events>(event: E, listener: Listener<Events[E]>): () => void {
    return this.#register(event, { listener, once: false });
  }

  /** Calls the listener at the next event only. */
  once<E extends keyof Events>(event: E, listener: Listener<Events[E]>): () => void {
    return this.#register(event, { listener, once: true });
  }

  /** Calls the listeners that are registered now, synchronously; never throws. */
  emit<E extends keyof Events>(event: E, payload: Events[E]): void {
    const registrations = this.#registrations.get(event);
    if (registrations === undefined) return;
    // A copy, since listeners come and go while they are called; the check leaves out those that a listener just removed.
    for (const registration of [...registrations]) {
      if (!registrations.has(registration)) continue;
      if (registration.once) registrations.delete(registration);
      this.#call(event, registration.listener as Listener<Events[E]>, payload);
    }
  }

  /** Removes every listener. */
  clear(): void {
    for (const registrations of this.#registrations.values()) registrations.clear();
  }

  #register(event: keyof Events, registration: Registration): () => void {
    let registrations = this.#registrations.get(event);
    if (registrations === undefined) {
      registrations = new Set();
      this.#registrations.set(event, registrations);
    }
    const set = registrations.add(registration);
    return () => void set.delete(registration);
  }

  #call<E extends keyof Events>(event: E, listener: Listener<Events[E]>, payload: Events[E]): void {
    try {
      const result: unknown = listener(payload);
      // An async listener is a valid listener; its rejection would otherwise end the process.
      if (result !== undefined) Promise.resolve(result).catch((error: unknown) => this.#report(error, event));
    } catch (error) {
      this.#report(error, event);
    }
  }

  #report(error: unknown, event: keyof Events): void {
    try {
      this.#onListenerError(error, event);
    } catch {
      // Whoever is told of failures must not cause one in the emitter.
    }
  }
}

function warnProcess(error: unknown, event: PropertyKey): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.emitWarning(`a listener of '${String(event)}' failed: ${reason}`, "ExpressFleetWarning");
}
