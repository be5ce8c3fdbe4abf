// A field that takes files: dropped on it, or chosen after a click or the Enter key.
// The kernel gets {name, kind: MIME type} and the file as the only buffer, one message each.
// It is a message and no trait, which a notebook could be saved with.
export default {
  render({ model, el }) {
    const field = document.createElement("button");
    field.className = "jupyter-widgets jupyter-button widget-button";
    field.textContent = model.get("words");
    Object.assign(field.style, { width: "27.4em", border: "1px dashed currentColor" });
    const chooser = document.createElement("input");
    Object.assign(chooser, { type: "file", multiple: true, accept: model.get("accept"), hidden: true });
    el.append(field, chooser);

    const send = async (files) => {
      for (const file of files) {
        model.send({ name: file.name, kind: file.type }, undefined, [await file.arrayBuffer()]);
      }
    };
    const over = (yes) => field.classList.toggle("mod-primary", yes);

    field.onclick = () => chooser.click();
    chooser.onchange = async () => {
      await send([...chooser.files]);
      chooser.value = ""; // the same file may be chosen again
    };
    for (const name of ["dragenter", "dragover"]) {
      field.addEventListener(name, (event) => {
        event.preventDefault();
        event.stopPropagation();
        over(true);
      });
    }
    field.addEventListener("dragleave", () => over(false));
    field.addEventListener("drop", (event) => {
      event.preventDefault();
      event.stopPropagation(); // JupyterLab would take it for a file of its own
      over(false);
      send([...event.dataTransfer.files]);
    });
  },
};
