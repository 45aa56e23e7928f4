-- The sample shop: a retailer with one branch in each of ten Indian cities.
-- Money is whole paise, so that sums are exact; prices exclude tax.

CREATE TABLE branches (
    code       TEXT NOT NULL PRIMARY KEY CHECK (length(code) = 3),
    city       TEXT NOT NULL UNIQUE,
    legal_name TEXT NOT NULL,
    gstin      TEXT NOT NULL UNIQUE CHECK (length(gstin) = 15 AND substr(gstin, 1, 2) = state_code),
    address    TEXT NOT NULL,
    state      TEXT NOT NULL,
    state_code TEXT NOT NULL CHECK (state_code GLOB '[0-9][0-9]')
) STRICT, WITHOUT ROWID;

CREATE TABLE customers (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL,
    email      TEXT NOT NULL UNIQUE,
    phone      TEXT NOT NULL,
    address    TEXT NOT NULL,
    city       TEXT NOT NULL,
    state      TEXT NOT NULL,
    state_code TEXT NOT NULL CHECK (state_code GLOB '[0-9][0-9]'),
    pincode    TEXT NOT NULL CHECK (pincode GLOB '[1-9][0-9][0-9][0-9][0-9][0-9]'),
    -- Only customers who are registered for GST have one.
    gstin      TEXT CHECK (length(gstin) = 15 AND substr(gstin, 1, 2) = state_code)
) STRICT;

CREATE TABLE suppliers (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL UNIQUE,
    phone TEXT NOT NULL,
    city  TEXT NOT NULL
) STRICT;

CREATE TABLE products (
    id               INTEGER PRIMARY KEY,
    sku              TEXT NOT NULL UNIQUE,
    name             TEXT NOT NULL,
    hsn              TEXT NOT NULL CHECK (hsn GLOB '[0-9][0-9][0-9][0-9]'),
    gst_rate         INTEGER NOT NULL CHECK (gst_rate IN (5, 12, 18, 28)),
    price_paise      INTEGER NOT NULL CHECK (price_paise > 0),
    stock            INTEGER NOT NULL CHECK (stock >= 0),
    reorder_level    INTEGER NOT NULL CHECK (reorder_level >= 0),
    reorder_quantity INTEGER NOT NULL CHECK (reorder_quantity > 0),
    supplier_id      INTEGER NOT NULL REFERENCES suppliers (id)
) STRICT;

CREATE TABLE orders (
    id                 INTEGER PRIMARY KEY,
    branch_code        TEXT NOT NULL REFERENCES branches (code),
    customer_id        INTEGER NOT NULL REFERENCES customers (id),
    ordered_at         TEXT NOT NULL CHECK (ordered_at LIKE '____-__-__T__:__:__+05:30'),
    city               TEXT NOT NULL,
    status             TEXT NOT NULL CHECK (status IN ('delivered', 'shipped', 'placed')),
    ship_to_name       TEXT NOT NULL,
    ship_to_address    TEXT NOT NULL,
    ship_to_city       TEXT NOT NULL,
    ship_to_state      TEXT NOT NULL,
    -- The place of supply: it decides between CGST + SGST and IGST.
    ship_to_state_code TEXT NOT NULL CHECK (ship_to_state_code GLOB '[0-9][0-9]'),
    ship_to_pincode    TEXT NOT NULL CHECK (ship_to_pincode GLOB '[1-9][0-9][0-9][0-9][0-9][0-9]'),
    taxable_paise      INTEGER NOT NULL CHECK (taxable_paise > 0),
    cgst_paise         INTEGER NOT NULL CHECK (cgst_paise >= 0),
    sgst_paise         INTEGER NOT NULL CHECK (sgst_paise = cgst_paise),
    igst_paise         INTEGER NOT NULL CHECK (igst_paise >= 0 AND (igst_paise = 0 OR cgst_paise = 0)),
    total_paise        INTEGER NOT NULL
        CHECK (total_paise = taxable_paise + cgst_paise + sgst_paise + igst_paise)
) STRICT;

CREATE TABLE order_lines (
    order_id         INTEGER NOT NULL REFERENCES orders (id),
    line_no          INTEGER NOT NULL CHECK (line_no > 0),
    product_id       INTEGER NOT NULL REFERENCES products (id),
    description      TEXT NOT NULL,
    hsn              TEXT NOT NULL,
    quantity         INTEGER NOT NULL CHECK (quantity > 0),
    -- The price of that day: products.price_paise is today's.
    unit_price_paise INTEGER NOT NULL CHECK (unit_price_paise > 0),
    gst_rate         INTEGER NOT NULL CHECK (gst_rate IN (5, 12, 18, 28)),
    PRIMARY KEY (order_id, line_no)
) STRICT, WITHOUT ROWID;

-- A subquery and not GROUP BY, and CROSS JOIN, which keeps orders outside: the view streams by order id.
CREATE VIEW order_summary AS
SELECT o.id AS order_id,
       substr(o.ordered_at, 1, 10) AS ordered_on,
       o.city AS city,
       c.name AS customer_name,
       (SELECT count(*) FROM order_lines l WHERE l.order_id = o.id) AS lines,
       o.status AS status,
       o.ship_to_city AS ship_to_city,
       o.taxable_paise / 100.0 AS taxable_rupees,
       (o.cgst_paise + o.sgst_paise + o.igst_paise) / 100.0 AS tax_rupees,
       o.total_paise / 100.0 AS total_rupees
FROM orders o
CROSS JOIN customers c ON c.id = o.customer_id;

CREATE VIEW low_stock AS
SELECT p.id AS product_id,
       p.sku AS sku,
       p.name AS name,
       p.stock AS stock,
       p.reorder_level AS reorder_level,
       p.reorder_quantity AS reorder_quantity,
       s.id AS supplier_id,
       s.name AS supplier_name,
       s.email AS supplier_email
FROM products p
JOIN suppliers s ON s.id = p.supplier_id
WHERE p.stock < p.reorder_level;
