// Streams generated text: server-sent events, one per token.
((refrain) => {
  "use strict";
  const { ask } = refrain;

  /** The data of the events of a stream. */
  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r?\n/);
      rest = lines.pop();
      for (const line of lines) if (line.startsWith("data:")) yield line.slice(5).trim();
    }
  }

  /** Up to five candidates as [token, probability], the most probable first. */
  const candidates = (logprobs) =>
    Object.entries(logprobs ?? {})
      .map(([token, log]) => [token, Math.exp(log)])
      .sort((a, b) => b[1] - a[1])
      .slice(0, 5);

  /** Continues a prompt: yields `{ text, nats, top }` for every token. */
  async function* generate(request, signal) {
    const response = await ask("/v1/completions", { ...request, stream: true, logprobs: 5 }, { signal });
    for await (const data of events(response.body)) {
      if (data === "[DONE]") return;
      const { error, choices } = JSON.parse(data);
      if (error) throw new Error(error.message);
      const { tokens = [], token_logprobs: logs = [], top_logprobs: tops = [] } = choices[0].logprobs ?? {};
      if (tokens.length === 0 && choices[0].text) yield { text: choices[0].text, nats: NaN, top: [] };
      for (let i = 0; i < tokens.length; i++) yield { text: tokens[i], nats: -logs[i], top: candidates(tops[i]) };
    }
  }

  refrain.generate = generate;
})(window.refrain);
