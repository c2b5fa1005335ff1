// Files: a table of them, uploads with progress, and a field that takes one.

import { Problem, bytes, copyButton, h, icon, iconButton, number, patch, progressBar, t, table, taskLink, time, unreachable } from "../kit.js";

const FOUND = 300;

export const fileTable = (files, onremove) =>
	table(
		"nav.files",
		[
			["field.name", "c-task", nameOf],
			["field.size", "num", (file) => h("span", { title: `${number(file.size)} B` }, bytes(file.size))],
			["field.type", "c-wide", (file) => h("span.muted", file.content_type)],
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
	file.task_id && h("span.task-line", t("files.of_task"), " ", taskLink(file.task_id)),
];

const actsOf = (file, onremove) => [
	copyButton(() => file.file_id, "field.id"),
	iconButton("download", "action.download", null, download(file)),
	onremove && iconButton("trash", t("files.remove", { name: file.name }), () => onremove(file)),
];

// Sends a file, and tells how far it is, which fetch cannot tell.
export function upload(file, onprogress) {
	const form = new FormData();
	form.append("file", file);
	return new Promise((resolve, reject) => {
		const sending = new XMLHttpRequest();
		sending.open("POST", "/api/files");
		sending.setRequestHeader("Accept", "application/json");
		sending.responseType = "json";
		sending.upload.onprogress = (event) => event.lengthComputable && onprogress(event.loaded / event.total);
		sending.onerror = () => reject(unreachable());
		sending.onload = () => {
			if (sending.status < FOUND) resolve(sending.response);
			else reject(new Problem(sending.status, Object(sending.response)));
		};
		sending.send(form);
	});
}

// A place to drop files on, or choose them: the input lies over all of it.
export function dropZone(label, onfile, multiple = false) {
	const onchange = ({ target }) => {
		for (const file of [...target.files]) onfile(file);
		target.value = "";
	};
	return h("label.drop", h("input", { type: "file", multiple, onchange }), icon("upload"), h("span", t(label)));
}

// Choose or drop a file, or name one that was sent before.
export function fileEditor(value, changed) {
	let file = null;
	let problem = null;
	let sending = false;
	const root = h("div.file-editor");
	const input = h("input.mono", { type: "text", placeholder: t("form.file_id"), says: "form.file_id", value: value?.file_id ?? value });

	async function send(chosen) {
		const show = (share) => patch(root, progressBar(100 * share, { label: "files.uploading" }));
		problem = null;
		sending = true;
		show(0);
		changed?.();
		const sent = await upload(chosen, show).catch((error) => void (problem = error.message));
		sending = false;
		take(sent);
	}

	function take(sent) {
		file = sent;
		input.value = sent?.file_id || "";
		draw();
		changed?.();
	}

	function draw() {
		const forget = () => iconButton("close", "form.remove", () => take(null));
		const chosen = () => h("p.file-chosen", h("strong", file.name), " ", h("span.muted.num", bytes(file.size)), forget());
		patch(root, file ? chosen() : [dropZone("files.drop", send), input], problem && h("p.field-error", problem));
	}

	function get() {
		if (sending) throw new Error(t("files.uploading"));
		return input.value.trim() || undefined;
	}

	draw();
	return { element: root, get };
}
