// Receives the events of a run, and stores them by kind.
((refrain) => {
  "use strict";
  const { make, number } = refrain;
  const RETRY_DELAY = 3000,
    UPDATE_DELAY = 300;

  const noEvents = () => ({ step: [], valid: [], sample: [], probe: [], warning: [], done: null });

  /** A duration in minutes and seconds. */
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  function followRun() {
    const status = make("p", { class: "status", role: "status" }, "Connecting …");
    const warning = make("p", { class: "soft", role: "status" });
    const listeners = [];
    let events = noEvents(),
      fresh = false,
      lost = false,
      timer = null;

    function describe() {
      const last = events.step.at(-1);
      const words = last
        ? `update ${last.step.toLocaleString("en")}, epoch ${number(last.epoch)}, loss ${number(last.loss)} nats, ${Math.round(last.targets_per_s).toLocaleString("en")} targets per second, after ${clock(last.elapsed_s)}`
        : "no update yet";
      if (events.done) status.textContent = `Training has ended: ${words}.`;
      else if (lost) status.textContent = `Connection lost, reconnecting … Last event: ${words}.`;
      else status.textContent = `Training: ${words}.`;
    }
    function notify() {
      timer = null;
      describe();
      warning.textContent = events.warning.at(-1)?.message ?? "";
      for (const listener of listeners) listener(events);
    }
    function add(event) {
      if (fresh) events = noEvents();
      fresh = false;
      if (event.event === "done") events.done = event;
      else events[event.event]?.push(event);
      timer ??= setTimeout(notify, UPDATE_DELAY);
    }
    function connect() {
      const stream = new EventSource("/api/live/events");
      stream.onopen = () => {
        lost = false;
        fresh = true;
      };
      stream.onmessage = ({ data }) => {
        add(JSON.parse(data));
        if (events.done) stream.close();
      };
      stream.onerror = () => {
        lost = true;
        describe();
        if (stream.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_DELAY);
      };
    }
    function follow(listener) {
      listeners.push(listener);
      listener(events);
    }
    connect();
    return { elements: [status, warning], follow };
  }

  refrain.followRun = followRun;
})(window.refrain);
