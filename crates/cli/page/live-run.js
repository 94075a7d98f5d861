// A run as it happens: its events from the beginning, kept as columns.
((refrain) => {
  "use strict";
  const { make, number } = refrain;
  const PATIENCE = 3000,
    PAUSE = 300;

  const nothing = () => ({ step: [], valid: [], sample: [], probe: [], warning: [], done: null });

  /** A duration in minutes and seconds. */
  const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

  function followRun() {
    const status = make("p", { class: "status", role: "status" }, "Connecting …");
    const warning = make("p", { class: "soft", role: "status" });
    const listeners = [];
    let events = nothing(),
      fresh = false,
      lost = false,
      timer = null;

    function describe() {
      const last = events.step.at(-1);
      const words = last
        ? `update ${last.step.toLocaleString("en")}, epoch ${number(last.epoch)}, loss ${number(last.loss)} nats, ${Math.round(last.targets_per_s).toLocaleString("en")} targets a second, after ${clock(last.elapsed_s)}`
        : "no update yet";
      if (events.done) status.textContent = `The run is over: ${words}.`;
      else if (lost) status.textContent = `The connection is lost, trying again … The last that came: ${words}.`;
      else status.textContent = `The run goes on: ${words}.`;
    }
    function tell() {
      timer = null;
      describe();
      warning.textContent = events.warning.at(-1)?.message ?? "";
      for (const listener of listeners) listener(events);
    }
    function take(event) {
      if (fresh) events = nothing();
      fresh = false;
      if (event.event === "done") events.done = event;
      else events[event.event]?.push(event);
      timer ??= setTimeout(tell, PAUSE);
    }
    function connect() {
      const stream = new EventSource("/api/live/events");
      stream.onopen = () => {
        lost = false;
        fresh = true;
      };
      stream.onmessage = ({ data }) => {
        take(JSON.parse(data));
        if (events.done) stream.close();
      };
      stream.onerror = () => {
        lost = true;
        describe();
        if (stream.readyState === EventSource.CLOSED) setTimeout(connect, PATIENCE);
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
