"""The invoices of Delhi, March 2026, read by PDFium and compared with the database, one by one.

What the database says is computed here anew, from the lines of each order: value, tax by rate, within the state or across.

usage: invoices.py LONGSHORE PROJECT
"""

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from decimal import Decimal

import pypdfium2

CITY, MONTH, ORDERS = "Delhi", "2026-03", 1842
TAXES = ("taxable", "cgst", "sgst", "igst", "total")


def expected_orders(project: str) -> dict[int, dict]:
    """What each order's invoice must say, by the order's id; amounts in paise."""
    shop = sqlite3.connect(f"file:{project}/shop.db?mode=ro", uri=True)
    shop.row_factory = sqlite3.Row
    orders = shop.execute(
        """SELECT o.id, o.ship_to_name, o.ship_to_state_code, b.state_code AS home, c.name AS buyer, b.gstin
           FROM orders o JOIN branches b ON b.code = o.branch_code JOIN customers c ON c.id = o.customer_id
           WHERE o.city = ? AND substr(o.ordered_at, 1, 7) = ? ORDER BY o.id""",
        (CITY, MONTH),
    )
    found = {}
    for order in orders.fetchall():
        amounts = dict.fromkeys(TAXES, 0)
        lines = shop.execute(
            "SELECT quantity * unit_price_paise AS value, gst_rate FROM order_lines WHERE order_id = ?", (order["id"],)
        )
        for value, rate in lines:
            amounts["taxable"] += value
            if order["ship_to_state_code"] == order["home"]:
                half = rounded(value * rate, 200)
                amounts["cgst"] += half
                amounts["sgst"] += half
            else:
                amounts["igst"] += rounded(value * rate, 100)
        amounts["total"] = sum(amounts.values())
        found[order["id"]] = {**dict(order), **amounts}
    return found


def rounded(numerator: int, denominator: int) -> int:
    """A fraction of paise to the nearest paisa, half up, as invoices are."""
    return (2 * numerator + denominator) // (2 * denominator)


def rupees(paise: int) -> str:
    """1234567 -> 12,345.67, with the commas of India."""
    whole, rest = divmod(paise, 100)
    head, tail = str(whole)[:-3], str(whole)[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail]) + f".{rest:02}"


def text_of(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(pdf)
    try:
        pages = [page.get_textpage().get_text_bounded() for page in document]
    finally:
        document.close()
    return re.sub(r"\s+", " ", " ".join(pages))


def main(longshore: str, project: str) -> None:
    payload = json.dumps({"city": CITY, "month": MONTH})
    printed = subprocess.run(
        [longshore, "run", "bulk_invoice", "--payload", payload, "--json"],
        cwd=project, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    job = json.loads(printed)
    [archive] = [file["path"] for file in job["artifacts"] if file["media_type"] == "application/zip"]
    orders = expected_orders(project)
    assert len(orders) == ORDERS == job["records_processed"], (len(orders), job["records_processed"])

    with zipfile.ZipFile(archive) as files:
        assert files.testzip() is None
        [register] = [name for name in files.namelist() if name.endswith(".csv")]
        rows = list(csv.DictReader(io.StringIO(files.read(register).decode(), newline="")))
        texts = {row["file"]: text_of(files.read(row["file"])) for row in rows}
        assert sorted(files.namelist()) == sorted([*texts, register])
    assert len({row["invoice_number"] for row in rows}) == ORDERS, "invoice numbers repeat"
    assert {int(row["order_id"]) for row in rows} == set(orders)
    print(f"  ok: {len(texts)} PDFs can be read, each with a number of its own")

    for row in rows:
        order, text = orders[int(row["order_id"])], texts[row["file"]]
        for tax in TAXES:
            assert Decimal(row[tax]) * 100 == order[tax], (row, tax, order[tax])
        taxes = ("cgst", "sgst") if order["igst"] == 0 else ("igst",)
        said = [row["invoice_number"], order["gstin"], rupees(order["total"]), order["buyer"], order["ship_to_name"]]
        said += [rupees(order[tax]) for tax in ("taxable", *taxes)]
        for words in said:
            assert re.sub(r"\s+", " ", words) in text, f"{row['file']} does not say {words!r}: {text}"
        assert ("IGST" in text) == (order["igst"] > 0), f"{row['file']} names the wrong tax"
    within = sum(order["igst"] == 0 for order in orders.values())
    print(f"  ok: {within} with CGST and SGST, {ORDERS - within} with IGST, each as its order's lines say")

    totals = job["result"]["totals"]
    for tax in TAXES:
        in_all = sum(order[tax] for order in orders.values())
        assert in_all == totals[f"{tax}_paise"] == sum(Decimal(row[tax]) for row in rows) * 100, tax
    print(f"  ok: register and result add up to the database's {rupees(totals['total_paise'])} rupees")


if __name__ == "__main__":
    main(*sys.argv[1:])
