//! What the shop sells, and from whom it buys. HSN codes are real; the rates are those of the four slabs.

use rusqlite::{Transaction, params};

use super::dice::Dice;
use super::tax::div_half_up;

/// One product, as far as orders need it.
pub(super) struct Product {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) hsn: &'static str,
    pub(super) gst_rate: i64,
    pub(super) price_paise: i64,
}

/// Products that differ in size only: `(size, price on the shelf in rupees, tax included)`.
struct Family {
    sku: &'static str,
    name: &'static str,
    hsn: &'static str,
    gst_rate: i64,
    /// Row of `SUPPLIERS`, from 1.
    supplier: i64,
    sizes: &'static [(&'static str, i64)],
}

const fn family(
    sku: &'static str,
    name: &'static str,
    hsn: &'static str,
    gst_rate: i64,
    supplier: i64,
    sizes: &'static [(&'static str, i64)],
) -> Family {
    Family { sku, name, hsn, gst_rate, supplier, sizes }
}

/// Name, mailbox and domain, city.
static SUPPLIERS: [(&str, &str, &str); 25] = [
    ("Brahmaputra Tea Estates", "orders@brahmaputra-tea.example", "Jorhat"),
    ("Malabar Spice Company", "sales@malabar-spice.example", "Kozhikode"),
    ("Doaba Grain Mills", "dispatch@doaba-grain.example", "Karnal"),
    ("Konkan Dry Fruits & Nuts", "trade@konkan-nuts.example", "Ratnagiri"),
    ("Gokul Dairy Products", "orders@gokul-dairy.example", "Anand"),
    ("Mithaas Foods", "orders@mithaas-foods.example", "Bikaner"),
    ("Aravalli Oils", "sales@aravalli-oils.example", "Bharatpur"),
    ("Neelkamal Soaps & Cosmetics", "supply@neelkamal-soaps.example", "Kanpur"),
    ("Swachh Home Care", "orders@swachh-care.example", "Vadodara"),
    ("Mysore Agarbathi Works", "export@mysore-agarbathi.example", "Mysuru"),
    ("Lohpurush Steelware", "sales@lohpurush.example", "Jagadhri"),
    ("Khurja Potteries", "orders@khurja-potteries.example", "Khurja"),
    ("Firozabad Glass House", "orders@firozabad-glass.example", "Firozabad"),
    ("Kaveri Handlooms", "weavers@kaveri-handlooms.example", "Erode"),
    ("Panipat Home Textiles", "sales@panipat-textiles.example", "Panipat"),
    ("Banaras Silk Udyog", "bunkar@banaras-silk.example", "Varanasi"),
    ("Agra Leather Footwear", "orders@agra-footwear.example", "Agra"),
    ("Jyoti Lighting", "dealers@jyoti-lighting.example", "Noida"),
    ("Deccan Appliances", "supply@deccan-appliances.example", "Hyderabad"),
    ("Himgiri Cooling", "dealers@himgiri-cooling.example", "Pune"),
    ("Tarang Electronics", "b2b@tarang-electronics.example", "Bengaluru"),
    ("Vidyarthi Stationers", "orders@vidyarthi.example", "Sivakasi"),
    ("Meerut Sports Works", "orders@meerut-sports.example", "Meerut"),
    ("Saharanpur Wood Crafts", "karigar@saharanpur-wood.example", "Saharanpur"),
    ("Rajpath Auto & Tyres", "parts@rajpath-auto.example", "Ludhiana"),
];

#[rustfmt::skip] // a table
static FAMILIES: [Family; 61] = [
    family("TEA", "Assam CTC Tea", "0902", 5, 1, &[("100 g", 68), ("250 g", 155), ("500 g", 299), ("1 kg", 575)]),
    family("DAR", "Darjeeling First Flush Tea", "0902", 5, 1, &[("100 g", 450), ("250 g", 1050), ("500 g", 1990)]),
    family("COF", "Coorg Filter Coffee", "0901", 5, 1, &[("200 g", 210), ("500 g", 495), ("1 kg", 940)]),
    family("TUR", "Haldi (Turmeric) Powder हल्दी", "0910", 5, 2, &[("100 g", 38), ("200 g", 72), ("500 g", 165), ("1 kg", 310)]),
    family("PEP", "Wayanad Black Pepper", "0904", 5, 2, &[("50 g", 75), ("100 g", 142), ("250 g", 335)]),
    family("CAR", "Green Cardamom 8 mm", "0908", 5, 2, &[("25 g", 135), ("50 g", 260), ("100 g", 499)]),
    family("CUM", "Unjha Cumin Seeds", "0909", 5, 2, &[("100 g", 62), ("200 g", 119), ("500 g", 280)]),
    family("RIC", "Basmati Rice", "1006", 5, 3, &[("1 kg", 165), ("5 kg", 780), ("10 kg", 1499), ("25 kg", 3550)]),
    family("ATT", "Sharbati Atta", "1101", 5, 3, &[("1 kg", 62), ("5 kg", 295), ("10 kg", 560)]),
    family("DAL", "Toor Dal", "0713", 5, 3, &[("500 g", 98), ("1 kg", 189), ("5 kg", 915)]),
    family("CAS", "Cashews W240", "0801", 5, 4, &[("200 g", 245), ("500 g", 590), ("1 kg", 1150)]),
    family("ALM", "Mamra Almonds", "0802", 12, 4, &[("200 g", 390), ("500 g", 949), ("1 kg", 1850)]),
    family("RAI", "Nashik Raisins", "0806", 5, 4, &[("250 g", 120), ("500 g", 229), ("1 kg", 445)]),
    family("GHE", "Cow Ghee", "0405", 12, 5, &[("200 ml", 165), ("500 ml", 375), ("1 l", 690), ("5 l", 3390)]),
    family("PAN", "Malai Paneer", "0406", 5, 5, &[("200 g", 92), ("500 g", 220), ("1 kg", 430)]),
    family("HON", "Sundarban Honey", "0409", 5, 5, &[("250 g", 175), ("500 g", 330), ("1 kg", 620)]),
    family("BHU", "Bikaneri Bhujia", "2106", 12, 6, &[("200 g", 60), ("400 g", 115), ("1 kg", 275)]),
    family("SOA", "Soan Papdi Gift Box", "1704", 5, 6, &[("250 g", 95), ("500 g", 180), ("1 kg", 349)]),
    family("BIS", "Nankhatai Biscuits", "1905", 18, 6, &[("200 g", 85), ("400 g", 160), ("800 g", 310)]),
    family("CHO", "Idukki Dark Chocolate 70 %", "1806", 18, 6, &[("45 g", 120), ("90 g", 225), ("12 × 45 g", 1299)]),
    family("SOD", "Masala Soda", "2202", 28, 6, &[("250 ml", 25), ("750 ml", 45), ("24 × 250 ml", 540)]),
    family("MUS", "Kachi Ghani Mustard Oil", "1514", 5, 7, &[("500 ml", 105), ("1 l", 195), ("5 l", 940), ("15 l", 2750)]),
    family("GRO", "Filtered Groundnut Oil", "1508", 5, 7, &[("1 l", 245), ("5 l", 1190), ("15 l", 3480)]),
    family("SAN", "Sandal Bath Soap", "3401", 18, 8, &[("75 g", 42), ("4 × 75 g", 160), ("10 × 125 g", 560)]),
    family("HAI", "Bhringraj Hair Oil", "3305", 18, 8, &[("100 ml", 110), ("200 ml", 205), ("500 ml", 470)]),
    family("SHA", "Shikakai Shampoo", "3305", 18, 8, &[("180 ml", 165), ("340 ml", 295), ("650 ml", 520)]),
    family("TOO", "Neem Toothpaste", "3306", 18, 8, &[("100 g", 75), ("200 g", 139), ("2 × 200 g", 265)]),
    family("DET", "Detergent Powder", "3402", 18, 9, &[("1 kg", 135), ("2 kg", 260), ("4 kg", 499), ("6 kg", 735)]),
    family("DIS", "Lime Dishwash Gel", "3402", 18, 9, &[("250 ml", 60), ("750 ml", 165), ("2 l", 410)]),
    family("AGA", "Mogra Agarbatti", "3307", 5, 10, &[("50 sticks", 45), ("100 sticks", 85), ("250 sticks", 199)]),
    family("DIY", "Clay Diya & Candle Set", "3406", 12, 10, &[("6 pieces", 120), ("12 pieces", 220), ("24 pieces", 410)]),
    family("COO", "Pressure Cooker", "7323", 12, 11, &[("2 l", 1450), ("3 l", 1790), ("5 l", 2350), ("7.5 l", 3199)]),
    family("TIF", "Steel Tiffin Carrier", "7323", 12, 11, &[("2 tiers", 520), ("3 tiers", 690), ("4 tiers", 875)]),
    family("KAD", "Aluminium Kadhai", "7615", 12, 11, &[("22 cm", 640), ("26 cm", 820), ("30 cm", 1090)]),
    family("THA", "Steel Thali Set", "7323", 12, 11, &[("1 person", 430), ("4 persons", 1650), ("6 persons", 2399)]),
    family("MUG", "Blue Pottery Mug", "6912", 12, 12, &[("single", 240), ("set of 4", 899), ("set of 6", 1290)]),
    family("DIN", "Stoneware Dinner Set", "6911", 12, 12, &[("16 pieces", 2450), ("20 pieces", 2990), ("32 pieces", 4799)]),
    family("GLA", "Hand-blown Tumbler", "7013", 18, 13, &[("set of 4", 560), ("set of 6", 790), ("set of 12", 1490)]),
    family("KUR", "Cotton Kurta", "6205", 5, 14, &[("38\"", 849), ("40\"", 849), ("42\"", 849), ("44\"", 899), ("46\"", 899)]),
    family("SAR", "Kanjivaram Saree பட்டுப் புடவை", "5007", 5, 16, &[("plain", 6850), ("zari border", 9400), ("full zari", 15_990)]),
    family("DUP", "Banarasi Dupatta", "6214", 12, 16, &[("cotton silk", 1250), ("silk", 2890), ("tissue", 3650)]),
    family("BED", "Block-print Bedsheet", "6304", 12, 15, &[("single", 990), ("double", 1590), ("king", 1990)]),
    family("TOW", "Bath Towel, 450 GSM", "6302", 5, 15, &[("70 × 140 cm", 349), ("pair", 669), ("set of 4", 1249)]),
    family("DHU", "Cotton Dhurrie", "5702", 12, 15, &[("2 × 3 ft", 560), ("4 × 6 ft", 1890), ("6 × 9 ft", 4200)]),
    family("MOJ", "Leather Mojari", "6403", 18, 17, &[("size 6", 1290), ("size 7", 1290), ("size 8", 1290), ("size 9", 1340), ("size 10", 1340)]),
    family("BUL", "LED Bulb", "8539", 12, 18, &[("7 W", 99), ("9 W", 119), ("12 W", 165), ("10 × 9 W", 990)]),
    family("FAN", "Ceiling Fan", "8414", 18, 18, &[("900 mm", 1890), ("1200 mm", 2190), ("1200 mm BLDC", 3450), ("1400 mm", 2650)]),
    family("MIX", "Mixer Grinder", "8509", 18, 19, &[("500 W", 2690), ("750 W", 3590), ("1000 W", 5290)]),
    family("KET", "Electric Kettle", "8516", 18, 19, &[("1 l", 899), ("1.5 l", 1099), ("1.8 l", 1399)]),
    family("ACS", "Inverter Split Air Conditioner", "8415", 28, 20, &[("1 ton", 31_990), ("1.5 ton", 37_990), ("2 ton", 47_490)]),
    family("TVS", "LED Television", "8528", 28, 21, &[("43\"", 25_990), ("50\"", 33_990), ("55\"", 41_990), ("65\"", 62_990)]),
    family("EAR", "Wireless Earphones", "8518", 18, 21, &[("neckband", 1199), ("in-ear", 1799), ("over-ear", 3299)]),
    family("NOT", "Long Notebook, Ruled", "4820", 12, 22, &[("92 pages", 40), ("172 pages", 70), ("6 × 172 pages", 399), ("12 × 92 pages", 449)]),
    family("PEN", "Gel Pen, Blue", "9608", 18, 22, &[("single", 15), ("pack of 10", 140), ("pack of 50", 649)]),
    family("BAT", "Kashmir Willow Cricket Bat", "9506", 12, 23, &[("size 4", 1290), ("size 6", 1590), ("short handle", 2450), ("long handle", 2590)]),
    family("SHU", "Nylon Shuttlecocks", "9506", 12, 23, &[("tube of 3", 280), ("tube of 6", 520), ("10 tubes", 4890)]),
    family("CAM", "Carrom Board, 12 mm", "9504", 12, 23, &[("26\"", 1650), ("32\"", 2890), ("35\"", 3990)]),
    family("TOY", "Channapatna Wooden Toy", "9503", 12, 24, &[("rattle", 290), ("stacking rings", 540), ("train", 890)]),
    family("STO", "Sheesham Stool", "9401", 18, 24, &[("30 cm", 1890), ("45 cm", 2490), ("bar height", 3890)]),
    family("TYR", "Scooter Tyre, Tubeless", "4011", 28, 25, &[("90/90-10", 1390), ("90/100-10", 1490), ("90/90-12", 1690)]),
    family("BAR", "Car Floor Mats", "8708", 28, 25, &[("hatchback", 1190), ("sedan", 1490), ("SUV", 1890)]),
];

/// Suppliers whose deliveries are late: some of their goods are below the reorder level.
const LATE: [i64; 15] = [1, 2, 3, 5, 6, 7, 8, 9, 11, 14, 15, 18, 19, 22, 23];

/// Writes suppliers and products, and returns the products in the order of their popularity.
pub(super) fn write(tx: &Transaction<'_>, dice: &mut Dice) -> rusqlite::Result<Vec<Product>> {
    let mut insert = tx.prepare("INSERT INTO suppliers VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (id, (name, email, city)) in (1_i64..).zip(SUPPLIERS) {
        insert.execute(params![id, name, email, super::customers::phone(dice), city])?;
    }

    let mut insert = tx.prepare("INSERT INTO products VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?;
    let mut products = Vec::new();
    for family in &FAMILIES {
        for (number, (size, shelf_price)) in (1..).zip(family.sizes) {
            let product = Product {
                id: 1 + products.len() as i64,
                name: format!("{}, {size}", family.name),
                hsn: family.hsn,
                gst_rate: family.gst_rate,
                price_paise: div_half_up(shelf_price * 10_000, 100 + family.gst_rate),
            };
            let (stock, level, quantity) = stock(&product, family, dice);
            insert.execute(params![
                product.id,
                format!("{}-{number:02}", family.sku),
                product.name,
                product.hsn,
                product.gst_rate,
                product.price_paise,
                stock,
                level,
                quantity,
                family.supplier,
            ])?;
            products.push(product);
        }
    }
    // Cheap things sell most. Equal prices keep their order, so the result is the same everywhere.
    products.sort_by_key(|product| product.price_paise);
    Ok(products)
}

/// Stock, reorder level and reorder quantity: cheap goods lie there by the hundred.
fn stock(product: &Product, family: &Family, dice: &mut Dice) -> (i64, i64, i64) {
    let level = match product.price_paise {
        ..20_000 => 120,
        20_000..100_000 => 60,
        100_000..1_000_000 => 20,
        _ => 6,
    };
    let below = LATE.contains(&family.supplier) && product.id % 3 == 0;
    let stock = if below {
        dice.below(level as u64) as i64
    } else {
        // Exactly at the level is not below it: some products stand there.
        level + if dice.chance(40) { 0 } else { dice.below(4 * level as u64) as i64 }
    };
    (stock, level, level * 5 / 2)
}
