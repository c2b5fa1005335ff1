// Files: a table of them, and uploads with progress.

import { h } from "../lib/dom.js";
import { request } from "../lib/api.js";
import { bytes, time } from "../lib/format.js";
import { t } from "../lib/i18n.js";
import { copyButton, iconButton, shortId, table } from "./basics.js";
import { icon } from "./icon.js";
import { taskHref } from "./task-acts.js";

const contentOf = (file) => file.links?.content || `/api/files/${file.file_id}`;

/** Rows of files; `onremove(file)` adds a button. */
export function fileTable(files, onremove) {
	const columns = [
		{ label: t("field.name") },
		{ label: t("field.size"), class: "num" },
		{ label: t("field.type"), class: "c-wide" },
		{ label: t("field.created"), class: "num" },
		{ label: t("field.expires"), class: "num c-wide" },
		{ label: t("field.actions"), sr: true, class: "num" },
	];
	return table(t("nav.files"), columns, files.map((file) => row(file, onremove)), { class: "stack" });
}

const row = (file, onremove) =>
	h(
		"tr",
		{ key: file.file_id },
		h("td.c-task", h("a.task-link", { href: contentOf(file), download: file.name }, icon("files"), h("span.task-type", file.name)), file.task_id && h("span.task-line", t("files.of_task"), " ", h("a", { href: taskHref(file.task_id) }, shortId(file.task_id)))),
		h("td.num", { title: `${file.size} B` }, bytes(file.size)),
		h("td.c-wide", h("span.muted", file.content_type || "–")),
		h("td.num", time(file.created_at)),
		h("td.num.c-wide", time(file.expires_at)),
		h("td.row-actions", copyButton(file.file_id, t("field.id")), h("a.icon-button", { href: contentOf(file), download: file.name, "aria-label": t("action.download"), title: t("action.download") }, icon("download")), onremove && iconButton("trash", t("files.remove", { name: file.name }), () => onremove(file))),
	);

/** Sends a file; `onprogress(share)` is told how far it is. Answers what the API says of it. */
export function upload(file, onprogress) {
	if (!onprogress) {
		const form = new FormData();
		form.append("file", file);
		return request("POST", "/api/files", { body: form });
	}
	return new Promise((resolve, reject) => {
		const form = new FormData();
		form.append("file", file);
		const sending = new XMLHttpRequest();
		sending.open("POST", "/api/files");
		sending.setRequestHeader("Accept", "application/json");
		sending.upload.onprogress = (event) => event.lengthComputable && onprogress(event.loaded / event.total);
		sending.onerror = () => reject(new Error(t("error.unreachable")));
		sending.onload = () => {
			const answer = JSON.parse(sending.responseText || "{}");
			if (sending.status < 300) resolve(answer);
			else reject(new Error(sending.status === 404 ? t("panel.missing") : answer.detail || t("error.status", { status: sending.status })));
		};
		sending.send(form);
	});
}

/** A place to drop a file on, or choose one: `onfile(file)` for each. */
export function dropZone(label, onfile, { multiple = false } = {}) {
	const input = h("input", { type: "file", multiple, class: "visually-hidden", onchange: () => take(input.files) });
	const take = (files) => {
		for (const file of files) onfile(file);
		input.value = "";
	};
	const zone = h(
		"label.drop",
		{
			
			ondragover: (event) => {
				event.preventDefault();
				zone.classList.add("over");
			},
			ondragleave: () => zone.classList.remove("over"),
			ondrop: (event) => {
				event.preventDefault();
				zone.classList.remove("over");
				take(event.dataTransfer.files);
			},
		},
		input,
		icon("upload"),
		h("span", label),
	);
	return zone;
}
