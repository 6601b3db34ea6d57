/* SPDX-License-Identifier: BSD-2-Clause */
"use strict";

/* Sorts by a column: first click ascending, the next one the other way. */
function sortTable(table, column, direction)
{
	const body = table.tBodies[0];
	const value = (row) => {
		const cell = row.cells[column];
		const raw = cell.dataset.v ?? cell.textContent;
		return raw === "" ? NaN : Number(raw);
	};
	const text = (row) => row.cells[column].textContent;
	const numeric = table.tHead.rows[0].cells[column].className === "n";
	const rows = Array.from(body.rows);

	rows.sort((a, b) => {
		if (!numeric) {
			return direction * text(a).localeCompare(text(b));
		}
		const x = value(a), y = value(b);
		/* What is not known comes last, either way. */
		if (Number.isNaN(x) || Number.isNaN(y)) {
			return Number.isNaN(x) - Number.isNaN(y);
		}
		return direction * (x - y);
	});
	body.append(...rows);
	Array.from(table.tHead.rows[0].cells).forEach((th, i) => {
		if (i === column) {
			th.setAttribute("aria-sort", direction > 0 ?
				"ascending" : "descending");
		} else {
			th.removeAttribute("aria-sort");
		}
	});
}

function makeSortable(table)
{
	Array.from(table.tHead.rows[0].cells).forEach((th, column) => {
		const button = document.createElement("button");
		button.type = "button";
		button.textContent = th.textContent;
		button.addEventListener("click", () => {
			const up = th.getAttribute("aria-sort") ===
				"ascending";
			sortTable(table, column, up ? -1 : 1);
		});
		th.replaceChildren(button);
	});
}

function makeFilter(table, input, count)
{
	const show = () => {
		const words = input.value.toLowerCase().split(/\s+/);
		let shown = 0;
		for (const row of table.tBodies[0].rows) {
			const text = row.textContent.toLowerCase();
			row.hidden = !words.every((w) => text.includes(w));
			shown += !row.hidden;
		}
		count.textContent = `${shown} of ` +
			`${table.tBodies[0].rows.length} rows`;
	};
	input.addEventListener("input", show);
	show();
}

document.querySelectorAll("table.sortable").forEach(makeSortable);
const results = document.getElementById("results-table");
makeFilter(results, document.getElementById("filter"),
	document.getElementById("shown"));

/* #sort=COLUMN or #sort=-COLUMN in the address: a view that can be shared. */
const wanted = /^#sort=(-?)(.+)$/.exec(decodeURIComponent(location.hash));
if (wanted) {
	const heads = Array.from(results.tHead.rows[0].cells);
	const column = heads.findIndex((th) => th.textContent === wanted[2]);
	if (column >= 0) {
		sortTable(results, column, wanted[1] ? -1 : 1);
	}
}
