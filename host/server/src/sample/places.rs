//! The ten branches and the places they ship to.

use super::names::{self, Region};

/// A place that parcels go to.
pub(super) struct Place {
    pub(super) city: &'static str,
    pub(super) state: &'static str,
    pub(super) state_code: &'static str,
    /// The first PIN code there; customers have this one or one of the next few.
    pub(super) pincode: u64,
}

/// A branch and its market.
pub(super) struct Branch {
    pub(super) code: &'static str,
    pub(super) home: Place,
    pub(super) address: &'static str,
    /// Registrations of one company are counted within a state: Pune is the second one in Maharashtra.
    pub(super) registration: u8,
    /// Orders of an average month.
    pub(super) orders: u64,
    /// How many of a thousand customers live in one of `across`.
    pub(super) across_permille: u64,
    pub(super) areas: &'static [&'static str],
    /// Other places of the same state.
    pub(super) within: &'static [Place],
    /// Places beyond the state's border.
    pub(super) across: &'static [Place],
    pub(super) region: &'static Region,
}

const fn place(city: &'static str, state: &'static str, state_code: &'static str, pincode: u64) -> Place {
    Place { city, state, state_code, pincode }
}

/// The company that owns every branch.
pub(super) const LEGAL_NAME: &str = "Kinara Retail Private Limited";
/// Its PAN: one for the whole company, so that the GSTINs of the branches differ only around it.
pub(super) const PAN: &str = "AAGCK4821L";

pub(super) static BRANCHES: [Branch; 10] = [
    Branch {
        code: "DEL",
        home: place("Delhi", "Delhi", "07", 110_001),
        address: "14, Asaf Ali Road, New Delhi 110002",
        registration: 1,
        orders: 1126,
        across_permille: 170,
        areas: &[
            "Karol Bagh",
            "Lajpat Nagar II",
            "Rohini, Sector 9",
            "Dwarka, Sector 12",
            "Mayur Vihar Phase I",
        ],
        within: &[],
        across: &[
            place("Noida", "Uttar Pradesh", "09", 201_301),
            place("Gurugram", "Haryana", "06", 122_001),
            place("Ghaziabad", "Uttar Pradesh", "09", 201_001),
            place("Faridabad", "Haryana", "06", 121_001),
        ],
        region: &names::HINDI,
    },
    Branch {
        code: "BOM",
        home: place("Mumbai", "Maharashtra", "27", 400_001),
        address: "2nd Floor, Kalbadevi Road, Mumbai 400002",
        registration: 1,
        orders: 420,
        across_permille: 140,
        areas: &["Dadar (West)", "Andheri (East)", "Bandra (West)", "Ghatkopar", "Borivali (West)", "Fort"],
        within: &[
            place("Thane", "Maharashtra", "27", 400_601),
            place("Nashik", "Maharashtra", "27", 422_001),
        ],
        across: &[place("Surat", "Gujarat", "24", 395_001), place("Panaji", "Goa", "30", 403_001)],
        region: &names::MARATHI,
    },
    Branch {
        code: "BLR",
        home: place("Bengaluru", "Karnataka", "29", 560_001),
        address: "88, Chickpet Main Road, Bengaluru 560053",
        registration: 1,
        orders: 400,
        across_permille: 130,
        areas: &["Indiranagar", "Jayanagar 4th Block", "Whitefield", "Malleshwaram", "HSR Layout, Sector 2"],
        within: &[place("Mysuru", "Karnataka", "29", 570_001), place("Tumakuru", "Karnataka", "29", 572_101)],
        across: &[
            place("Hosur", "Tamil Nadu", "33", 635_109),
            place("Hindupur", "Andhra Pradesh", "37", 515_201),
        ],
        region: &names::KANNADA,
    },
    Branch {
        code: "MAA",
        home: place("Chennai", "Tamil Nadu", "33", 600_001),
        address: "31, Ranganathan Street, T. Nagar, Chennai 600017",
        registration: 1,
        orders: 250,
        across_permille: 130,
        areas: &["Mylapore", "Adyar", "Anna Nagar West", "Velachery", "Tambaram East"],
        within: &[
            place("Kanchipuram", "Tamil Nadu", "33", 631_501),
            place("Coimbatore", "Tamil Nadu", "33", 641_001),
        ],
        across: &[
            place("Puducherry", "Puducherry", "34", 605_001),
            place("Tirupati", "Andhra Pradesh", "37", 517_501),
        ],
        region: &names::TAMIL,
    },
    Branch {
        code: "CCU",
        home: place("Kolkata", "West Bengal", "19", 700_001),
        address: "57, Mahatma Gandhi Road, Burrabazar, Kolkata 700007",
        registration: 1,
        orders: 230,
        across_permille: 130,
        areas: &["Ballygunge", "Salt Lake, Block CF", "Behala", "Shyambazar", "New Town, Action Area I"],
        within: &[
            place("Howrah", "West Bengal", "19", 711_101),
            place("Durgapur", "West Bengal", "19", 713_201),
        ],
        across: &[
            place("Jamshedpur", "Jharkhand", "20", 831_001),
            place("Bhubaneswar", "Odisha", "21", 751_001),
            place("Patna", "Bihar", "10", 800_001),
        ],
        region: &names::BENGALI,
    },
    Branch {
        code: "HYD",
        home: place("Hyderabad", "Telangana", "36", 500_001),
        address: "5-9-22, Begum Bazar, Hyderabad 500012",
        registration: 1,
        orders: 260,
        across_permille: 140,
        areas: &["Banjara Hills, Road No. 3", "Kukatpally", "Gachibowli", "Himayatnagar", "Dilsukhnagar"],
        within: &[
            place("Secunderabad", "Telangana", "36", 500_003),
            place("Warangal", "Telangana", "36", 506_001),
        ],
        across: &[
            place("Vijayawada", "Andhra Pradesh", "37", 520_001),
            place("Kurnool", "Andhra Pradesh", "37", 518_001),
        ],
        region: &names::TELUGU,
    },
    Branch {
        code: "PNQ",
        home: place("Pune", "Maharashtra", "27", 411_001),
        address: "903, Laxmi Road, Budhwar Peth, Pune 411002",
        registration: 2,
        orders: 220,
        across_permille: 110,
        areas: &["Kothrud", "Sadashiv Peth", "Viman Nagar", "Hadapsar", "Aundh"],
        within: &[
            place("Pimpri-Chinchwad", "Maharashtra", "27", 411_017),
            place("Kolhapur", "Maharashtra", "27", 416_001),
        ],
        across: &[place("Belagavi", "Karnataka", "29", 590_001), place("Panaji", "Goa", "30", 403_001)],
        region: &names::MARATHI,
    },
    Branch {
        code: "AMD",
        home: place("Ahmedabad", "Gujarat", "24", 380_001),
        address: "12, Relief Road, Kalupur, Ahmedabad 380001",
        registration: 1,
        orders: 160,
        across_permille: 130,
        areas: &["Navrangpura", "Satellite", "Maninagar", "Bopal", "Vastrapur"],
        within: &[
            place("Gandhinagar", "Gujarat", "24", 382_010),
            place("Vadodara", "Gujarat", "24", 390_001),
        ],
        across: &[
            place("Udaipur", "Rajasthan", "08", 313_001),
            place("Indore", "Madhya Pradesh", "23", 452_001),
        ],
        region: &names::GUJARATI,
    },
    Branch {
        code: "JAI",
        home: place("Jaipur", "Rajasthan", "08", 302_001),
        address: "241, Johari Bazar, Jaipur 302003",
        registration: 1,
        orders: 120,
        across_permille: 160,
        areas: &["Malviya Nagar", "Vaishali Nagar", "C-Scheme", "Mansarovar, Sector 5", "Raja Park"],
        within: &[place("Ajmer", "Rajasthan", "08", 305_001), place("Kota", "Rajasthan", "08", 324_001)],
        across: &[
            place("Agra", "Uttar Pradesh", "09", 282_001),
            place("Gwalior", "Madhya Pradesh", "23", 474_001),
        ],
        region: &names::HINDI,
    },
    Branch {
        code: "COK",
        home: place("Kochi", "Kerala", "32", 682_001),
        address: "40/1168, Broadway, Ernakulam, Kochi 682031",
        registration: 1,
        orders: 100,
        across_permille: 200,
        areas: &["Fort Kochi", "Kakkanad", "Edappally", "Kaloor", "Thrippunithura"],
        within: &[place("Thrissur", "Kerala", "32", 680_001), place("Kottayam", "Kerala", "32", 686_001)],
        across: &[
            place("Nagercoil", "Tamil Nadu", "33", 629_001),
            place("Mangaluru", "Karnataka", "29", 575_001),
        ],
        region: &names::MALAYALAM,
    },
];
