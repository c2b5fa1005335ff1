// A field that takes a file: choose or drop one, or name one that was sent before.

import { h, patch } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { iconButton, progressBar } from "./basics.js";
import { dropZone, upload } from "./files.js";

export function fileEditor(value, changed) {
	let fileId = typeof value === "object" && value ? value.file_id : value;
	let file = null;
	let problem = null;
	const root = h("div.file-editor");
	const input = h("input", { type: "text", class: "mono", placeholder: t("form.file_id"), "aria-label": t("form.file_id"), value: fileId || "", oninput: () => (fileId = input.value.trim()) });

	async function send(chosen) {
		problem = null;
		draw(0.01);
		try {
			file = await upload(chosen, draw);
			fileId = file.file_id;
			input.value = fileId;
			changed?.();
		} catch (error) {
			problem = error.message;
		}
		draw();
	}

	function draw(share) {
		patch(
			root,
			share !== undefined
				? progressBar(share * 100, { label: t("files.uploading") })
				: file
					? h("p.file-chosen", h("strong", file.name), " ", h("span.muted.num", bytes(file.size)), iconButton("close", t("form.remove"), () => ((file = fileId = null), (input.value = ""), draw(), changed?.())))
					: [dropZone(t("files.drop"), send), input],
			problem && h("p.field-error", problem),
		);
	}
	draw();
	return { element: root, get: () => fileId || undefined };
}
