// Files: a table of them, and uploads with progress.

import { bytes, copyButton, h, icon, iconButton, shortId, t, table, taskHref, time } from "../kit.js";

const FOUND = 300;

/** Rows of files; `onremove(file)` adds a button. */
export const fileTable = (files, onremove) =>
	table(
		"nav.files",
		[
			["field.name", "c-task", nameOf],
			["field.size", "num", (file) => h("span", { title: `${file.size} B` }, bytes(file.size))],
			["field.type", "c-wide", (file) => h("span.muted", file.content_type || "–")],
			["field.created", "num", (file) => time(file.created_at)],
			["field.expires", "num c-wide", (file) => time(file.expires_at)],
			["field.actions", "row-actions", (file) => actsOf(file, onremove)],
		],
		files,
		{ props: (file) => ({ key: file.file_id }) },
	);

const download = (file) => ({ href: file.links.content, download: file.name });

const nameOf = (file) => [
	h("a.task-link", download(file), icon("files"), h("span.task-type", file.name)),
	file.task_id && h("span.task-line", t("files.of_task"), " ", h("a", { href: taskHref(file.task_id) }, shortId(file.task_id))),
];

const actsOf = (file, onremove) => [
	copyButton(file.file_id, t("field.id")),
	h("a.icon-button", { ...download(file), "aria-label": t("action.download"), title: t("action.download") }, icon("download")),
	onremove && iconButton("trash", t("files.remove", { name: file.name }), () => onremove(file)),
];

/** Sends a file; `onprogress(share)` is told how far it is, which fetch cannot tell. Answers what the API says of it. */
export function upload(file, onprogress) {
	const form = new FormData();
	form.append("file", file);
	return new Promise((resolve, reject) => {
		const sending = new XMLHttpRequest();
		sending.open("POST", "/api/files");
		sending.setRequestHeader("Accept", "application/json");
		sending.upload.onprogress = (event) => event.lengthComputable && onprogress(event.loaded / event.total);
		sending.onerror = () => reject(new Error(t("error.unreachable")));
		sending.onload = () => {
			const answer = JSON.parse(sending.responseText || "{}");
			if (sending.status < FOUND) resolve(answer);
			else reject(new Error(answer.detail || t("error.status", { status: sending.status })));
		};
		sending.send(form);
	});
}

/** A place to drop files on, or choose them: `onfile(file)` for each. */
export function dropZone(label, onfile, multiple = false) {
	const take = (files) => {
		for (const file of files) onfile(file);
		input.value = "";
	};
	const over = (is) => (event) => {
		event.preventDefault();
		zone.classList.toggle("over", is);
		if (event.type === "drop") take(event.dataTransfer.files);
	};
	const input = h("input.visually-hidden", { type: "file", multiple, onchange: () => take([...input.files]) });
	const zone = h("label.drop", { ondragover: over(true), ondragleave: over(false), ondrop: over(false) }, input, icon("upload"), h("span", t(label)));
	return zone;
}
