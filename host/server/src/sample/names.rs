//! Names of people by region: each in Latin letters (for e-mail addresses) and as its owner writes it.

type Name = (&'static str, &'static str);

/// What people of one language region are called.
pub(super) struct Region {
    pub(super) given: &'static [Name],
    pub(super) family: &'static [Name],
    /// A street, in the region's script.
    pub(super) street: &'static str,
}

#[rustfmt::skip] // a table
pub(super) static HINDI: Region = Region {
    given: &[
        ("Aarav", "आरव"), ("Aditi", "अदिति"), ("Anil", "अनिल"), ("Anjali", "अंजलि"), ("Deepak", "दीपक"),
        ("Kavita", "कविता"), ("Manoj", "मनोज"), ("Neha", "नेहा"), ("Pooja", "पूजा"), ("Rahul", "राहुल"),
        ("Rakesh", "राकेश"), ("Sunita", "सुनीता"), ("Vikram", "विक्रम"), ("Priya", "प्रिया"),
    ],
    family: &[
        ("Sharma", "शर्मा"), ("Gupta", "गुप्ता"), ("Verma", "वर्मा"), ("Singh", "सिंह"), ("Yadav", "यादव"),
        ("Agarwal", "अग्रवाल"), ("Mehra", "मेहरा"), ("Kapoor", "कपूर"), ("Chauhan", "चौहान"),
        ("Mishra", "मिश्रा"), ("Tyagi", "त्यागी"), ("Malhotra", "मल्होत्रा"),
    ],
    street: "गांधी मार्ग",
};

#[rustfmt::skip] // a table
pub(super) static MARATHI: Region = Region {
    given: &[
        ("Aniket", "अनिकेत"), ("Ashwini", "अश्विनी"), ("Ganesh", "गणेश"), ("Manasi", "मानसी"),
        ("Nilesh", "निलेश"), ("Prachi", "प्राची"), ("Rohan", "रोहन"), ("Sachin", "सचिन"), ("Shreya", "श्रेया"),
        ("Snehal", "स्नेहल"), ("Swapnil", "स्वप्निल"), ("Vaishali", "वैशाली"),
    ],
    family: &[
        ("Deshmukh", "देशमुख"), ("Kulkarni", "कुलकर्णी"), ("Patil", "पाटील"), ("Joshi", "जोशी"),
        ("Jadhav", "जाधव"), ("Shinde", "शिंदे"), ("Pawar", "पवार"), ("More", "मोरे"), ("Gokhale", "गोखले"),
        ("Bhosale", "भोसले"), ("D'Souza", "डिसूझा"), ("Chavan", "चव्हाण"),
    ],
    street: "टिळक पथ",
};

#[rustfmt::skip] // a table
pub(super) static KANNADA: Region = Region {
    given: &[
        ("Akshay", "ಅಕ್ಷಯ್"), ("Ananya", "ಅನನ್ಯ"), ("Basavaraj", "ಬಸವರಾಜ್"), ("Chaitra", "ಚೈತ್ರ"),
        ("Girish", "ಗಿರೀಶ್"), ("Kavya", "ಕಾವ್ಯ"), ("Manjunath", "ಮಂಜುನಾಥ್"), ("Nandini", "ನಂದಿನಿ"),
        ("Prakash", "ಪ್ರಕಾಶ್"), ("Ramya", "ರಮ್ಯ"), ("Suresh", "ಸುರೇಶ್"), ("Vidya", "ವಿದ್ಯಾ"),
    ],
    family: &[
        ("Gowda", "ಗೌಡ"), ("Hegde", "ಹೆಗ್ಡೆ"), ("Rao", "ರಾವ್"), ("Shetty", "ಶೆಟ್ಟಿ"), ("Bhat", "ಭಟ್"),
        ("Murthy", "ಮೂರ್ತಿ"), ("Kamath", "ಕಾಮತ್"), ("Naik", "ನಾಯಕ್"), ("Patil", "ಪಾಟೀಲ್"), ("Acharya", "ಆಚಾರ್ಯ"),
    ],
    street: "ಮಹಾತ್ಮ ಗಾಂಧಿ ರಸ್ತೆ",
};

#[rustfmt::skip] // a table
pub(super) static TAMIL: Region = Region {
    given: &[
        ("Arun", "அருண்"), ("Bhuvana", "புவனா"), ("Divya", "திவ்யா"), ("Ezhil", "எழில்"),
        ("Karthik", "கார்த்திக்"), ("Lakshmi", "லட்சுமி"), ("Meena", "மீனா"), ("Murugan", "முருகன்"),
        ("Priya", "பிரியா"), ("Saravanan", "சரவணன்"), ("Senthil", "செந்தில்"), ("Vasanth", "வசந்த்"),
    ],
    family: &[
        ("Subramanian", "சுப்பிரமணியன்"), ("Rajendran", "ராஜேந்திரன்"), ("Krishnan", "கிருஷ்ணன்"),
        ("Natarajan", "நடராஜன்"), ("Sundaram", "சுந்தரம்"), ("Iyer", "ஐயர்"), ("Pandian", "பாண்டியன்"),
        ("Velu", "வேலு"), ("Raman", "ராமன்"), ("Murugesan", "முருகேசன்"),
    ],
    street: "காந்தி தெரு",
};

#[rustfmt::skip] // a table
pub(super) static BENGALI: Region = Region {
    given: &[
        ("Anirban", "অনির্বাণ"), ("Arpita", "অর্পিতা"), ("Debjani", "দেবযানী"), ("Indranil", "ইন্দ্রনীল"),
        ("Madhumita", "মধুমিতা"), ("Partha", "পার্থ"), ("Rituparna", "ঋতুপর্ণা"), ("Sandip", "সন্দীপ"),
        ("Sourav", "সৌরভ"), ("Sudeshna", "সুদেষ্ণা"), ("Subhash", "সুভাষ"), ("Tania", "তানিয়া"),
    ],
    family: &[
        ("Chatterjee", "চট্টোপাধ্যায়"), ("Banerjee", "বন্দ্যোপাধ্যায়"), ("Mukherjee", "মুখোপাধ্যায়"),
        ("Sen", "সেন"), ("Das", "দাস"), ("Ghosh", "ঘোষ"), ("Bose", "বসু"), ("Dutta", "দত্ত"), ("Roy", "রায়"),
        ("Sarkar", "সরকার"),
    ],
    street: "রবীন্দ্র সরণি",
};

#[rustfmt::skip] // a table
pub(super) static TELUGU: Region = Region {
    given: &[
        ("Anusha", "అనూష"), ("Bhaskar", "భాస్కర్"), ("Harika", "హారిక"), ("Kiran", "కిరణ్"),
        ("Lavanya", "లావణ్య"), ("Mahesh", "మహేశ్"), ("Naveen", "నవీన్"), ("Padma", "పద్మ"), ("Ravi", "రవి"),
        ("Sirisha", "శిరీష"), ("Srinivas", "శ్రీనివాస్"), ("Venkat", "వెంకట్"),
    ],
    family: &[
        ("Reddy", "రెడ్డి"), ("Rao", "రావు"), ("Naidu", "నాయుడు"), ("Chowdary", "చౌదరి"), ("Varma", "వర్మ"),
        ("Sastry", "శాస్త్రి"), ("Raju", "రాజు"), ("Goud", "గౌడ్"), ("Prasad", "ప్రసాద్"), ("Murthy", "మూర్తి"),
    ],
    street: "గాంధీ వీధి",
};

#[rustfmt::skip] // a table
pub(super) static GUJARATI: Region = Region {
    given: &[
        ("Amit", "અમિત"), ("Bhavna", "ભાવના"), ("Chirag", "ચિરાગ"), ("Dhara", "ધારા"), ("Hetal", "હેતલ"),
        ("Jignesh", "જીજ્ઞેશ"), ("Ketan", "કેતન"), ("Mittal", "મિત્તલ"), ("Nirav", "નીરવ"), ("Pinal", "પિનલ"),
        ("Riddhi", "રિદ્ધિ"), ("Yash", "યશ"),
    ],
    family: &[
        ("Patel", "પટેલ"), ("Shah", "શાહ"), ("Mehta", "મહેતા"), ("Desai", "દેસાઈ"), ("Joshi", "જોષી"),
        ("Parmar", "પરમાર"), ("Solanki", "સોલંકી"), ("Trivedi", "ત્રિવેદી"), ("Thakkar", "ઠક્કર"), ("Vyas", "વ્યાસ"),
    ],
    street: "ગાંધી માર્ગ",
};

#[rustfmt::skip] // a table
pub(super) static MALAYALAM: Region = Region {
    given: &[
        ("Anoop", "അനൂപ്"), ("Athira", "ആതിര"), ("Biju", "ബിജു"), ("Deepa", "ദീപ"), ("Gopika", "ഗോപിക"),
        ("Jithin", "ജിതിൻ"), ("Lekshmi", "ലക്ഷ്മി"), ("Manu", "മനു"), ("Nimisha", "നിമിഷ"), ("Rajeev", "രാജീവ്"),
        ("Sreelatha", "ശ്രീലത"), ("Vishnu", "വിഷ്ണു"),
    ],
    family: &[
        ("Nair", "നായർ"), ("Menon", "മേനോൻ"), ("Pillai", "പിള്ള"), ("Kurian", "കുര്യൻ"), ("Varghese", "വർഗീസ്"),
        ("Thomas", "തോമസ്"), ("Namboothiri", "നമ്പൂതിരി"), ("Warrier", "വാര്യർ"), ("Mathew", "മാത്യു"),
        ("Panicker", "പണിക്കർ"),
    ],
    street: "ഗാന്ധി റോഡ്",
};
