// A button that records the microphone until it is pressed again, or for model.most seconds.
// The kernel gets {sound: MIME type} and the recording, a whole file, as the only buffer;
// or {fault: words}. It is a message and no trait, which a notebook could be saved with.
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
      const pieces = [];
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = (event) => pieces.push(event.data);
      recorder.onstop = async () => {
        clearInterval(timer);
        stream.getTracks().forEach((track) => track.stop());
        const sound = new Blob(pieces, { type: recorder.mimeType });
        recorder = null;
        show("record my voice");
        model.send({ sound: sound.type }, undefined, [await sound.arrayBuffer()]);
      };
      recorder.start();
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
