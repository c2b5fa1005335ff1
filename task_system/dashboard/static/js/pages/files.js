// Files: what was sent and what tasks made; send more by dropping them here.

import { empty, h, pager, progressBar, request, t, toast } from "../kit.js";
import { dropZone, fileTable, upload } from "../components/files.js";

export default function page(page) {
	const uploads = h("div.uploads", { "aria-live": "polite", key: "uploads" });
	const zone = h("div", { key: "zone" }, dropZone("files.drop_many", send, true));
	return page.show({ load, render, everyMs: 3000, relevant: (event) => event.event === "task.succeeded" });

	function load() {
		return page.get("/api/files", { cursor: page.query.get("cursor") });
	}

	function render({ files, next }) {
		return [
			page.head(),
			zone,
			uploads,
			files.length ? fileTable(files, remove) : empty("files.none"),
			pager("tasks.older", next),
		];
	}

	async function send(file) {
		const bar = progressBar(0, { label: "files.uploading" });
		const line = h("div.upload", h("span", file.name), bar);
		uploads.append(line);
		try {
			await upload(file, (share) => (bar.value = 100 * share));
			toast(t("files.sent", file));
		} catch (error) {
			toast(`${file.name}: ${error.message}`, "bad");
		}
		line.remove();
		page.refresh();
	}

	function remove(file) {
		const asked = { title: t("files.remove", file), content: "files.remove_text", label: "action.delete", kind: "danger" };
		page.ask(asked, () => request("DELETE", `/api/files/${file.file_id}`), () => t("files.removed", file));
	}
}
