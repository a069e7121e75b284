// SPDX-License-Identifier: Apache-2.0
// Shows in the node what a node of ckmerge tells: a plan, a report, an inspected file.
import { app } from "../../scripts/app.js";
import { ComfyWidgets } from "../../scripts/widgets.js";

const SHOWN = "told";
const LINE = 14, LEAST = 40, MOST = 300; // pixels

function show(node, text) {
  let widget = node.widgets?.find((one) => one.name === SHOWN);
  if (!widget) {
    widget = ComfyWidgets.STRING(node, SHOWN, ["STRING", { multiline: true }], app).widget;
    if (widget.inputEl) widget.inputEl.readOnly = true;
    widget.serializeValue = async () => undefined;
    widget.serialize = false; // not in saved workflows
    widget.options.serialize = false; // nor in prompts
  }
  widget.value = text;
  const height = Math.min(MOST, Math.max(LEAST, 10 + LINE * text.split("\n").length));
  widget.options.getMinHeight = () => height;
  const wanted = node.computeSize();
  node.setSize([Math.max(node.size[0], wanted[0]), Math.max(node.size[1], wanted[1])]);
  node.setDirtyCanvas?.(true, true);
}

app.registerExtension({
  name: "ckmerge.told",
  beforeRegisterNodeDef(nodeType, nodeData) {
    if (!nodeData.name?.startsWith("ckmerge_")) return;
    const before = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (message) {
      before?.apply(this, arguments);
      if (message?.text?.length) show(this, message.text.join("\n"));
    };
  },
});
