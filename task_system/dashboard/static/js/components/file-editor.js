// A field that takes a file: choose or drop one, or name one that was sent before.

import { bytes, h, iconButton, patch, progressBar, t } from "../kit.js";
import { dropZone, upload } from "./files.js";

export function fileEditor(value, changed) {
	let file = null;
	let problem = null;
	const root = h("div.file-editor");
	const input = h("input.mono", { type: "text", placeholder: t("form.file_id"), "aria-label": t("form.file_id"), value: value?.file_id ?? value });

	async function send(chosen) {
		problem = null;
		try {
			take(await upload(chosen, (share) => patch(root, progressBar(share * 100, { label: "files.uploading" }))));
		} catch (error) {
			problem = error.message;
			draw();
		}
	}

	function take(sent) {
		file = sent;
		input.value = sent ? sent.file_id : "";
		draw();
		changed?.();
	}

	function draw() {
		const forget = () => iconButton("close", t("form.remove"), () => take(null));
		const chosen = () => h("p.file-chosen", h("strong", file.name), " ", h("span.muted.num", bytes(file.size)), forget());
		patch(root, file ? chosen() : [dropZone("files.drop", send), input], problem && h("p.field-error", problem));
	}

	draw();
	return { element: root, get: () => input.value.trim() || undefined };
}
