// A button that records the microphone until it is pressed again, or for model.most seconds.
// The kernel gets {sound: MIME type} and the recording, a whole file, as the only buffer;
// or {fault: words}. It is a message and no trait, which a notebook could be saved with.
// Where model.live, it gets the sound while it is spoken instead: {piece: samples a second} and
// float32 samples, many times, then {end: true}.
const PIECE = 2048; // samples, about 45 ms: a picture lasts 40
const LISTENER = `
  registerProcessor("listener", class extends AudioWorkletProcessor {
    process([input]) {
      if (input.length) this.port.postMessage(input[0].slice());
      return true;
    }
  });`;

const listen = async (stream, send) => {
  const context = new AudioContext();
  const module = URL.createObjectURL(new Blob([LISTENER], { type: "text/javascript" }));
  await context.audioWorklet.addModule(module);
  URL.revokeObjectURL(module);
  const listener = new AudioWorkletNode(context, "listener", { channelCount: 1, channelCountMode: "explicit" });
  let held = new Float32Array(PIECE);
  let count = 0;
  listener.port.onmessage = ({ data }) => {
    for (const sample of data) {
      held[count++] = sample;
      if (count === PIECE) {
        send({ piece: context.sampleRate }, held);
        held = new Float32Array(PIECE);
        count = 0;
      }
    }
  };
  context.createMediaStreamSource(stream).connect(listener);
  return async () => {
    listener.port.onmessage = null;
    const { sampleRate } = context;
    await context.close();
    if (count) send({ piece: sampleRate }, held.slice(0, count));
    send({ end: true });
  };
};

export default {
  render({ model, el }) {
    const button = document.createElement("button");
    button.className = "jupyter-widgets jupyter-button widget-button";
    el.append(button);
    let recorder = null;
    let timer = null;

    const show = (words) => {
      button.textContent = words;
      button.classList.toggle("mod-danger", recorder !== null);
    };
    const stop = () => recorder !== null && recorder.state === "recording" && recorder.stop();
    const done = (stream) => {
      clearInterval(timer);
      stream.getTracks().forEach((track) => track.stop());
      recorder = null;
      show("record my voice");
    };

    const record = async (stream) => {
      const pieces = [];
      const made = new MediaRecorder(stream);
      made.ondataavailable = (event) => pieces.push(event.data);
      made.onstop = async () => {
        done(stream);
        const sound = new Blob(pieces, { type: made.mimeType });
        model.send({ sound: sound.type }, undefined, [await sound.arrayBuffer()]);
      };
      made.start();
      return made;
    };
    const speak = async (stream) => {
      const end = await listen(stream, (content, samples) =>
        model.send(content, undefined, samples ? [samples.buffer] : []),
      );
      return {
        state: "recording",
        stop() {
          done(stream);
          end();
        },
      };
    };

    const start = async () => {
      let stream;
      button.disabled = true; // the browser may ask the reader first
      try {
        stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      } catch (fault) {
        const fit = window.isSecureContext;
        model.send({ fault: fit ? fault.message : "a page of https or localhost is needed" });
        return;
      } finally {
        button.disabled = false;
      }
      recorder = await (model.get("live") ? speak(stream) : record(stream));
      let seconds = 0;
      show("stop · 0 s");
      timer = setInterval(() => {
        seconds += 1;
        show(`stop · ${seconds} s`);
        if (seconds >= model.get("most")) stop();
      }, 1000);
    };

    button.onclick = () => (recorder === null ? start() : stop());
    show("record my voice");
    return stop; // the cell is run again or deleted: let go of the microphone
  },
};
