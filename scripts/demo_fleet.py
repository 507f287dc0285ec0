"""The fleet that scripts/demo shows in the web application: an invented company of Vilnius, and why some of its trackers
are silent. Pure: says which vehicles there are and where they drive; demo_web.py puts them into the database and starts
them.

Names and plates are made up; a plate looks as they do in the country where the vehicle drives.
"""
import collections
import random

COMPANY = "Amber Line"
# Each group and the one that it is in; None: the root, which is the company.
GROUPS = [("Couriers", None), ("Vilnius", "Couriers"), ("Kaunas", "Couriers"), ("Warsaw", "Couriers"), ("Haulage", None),
          ("Cold chain", None), ("Service cars", None), ("Trailers", None)]
# Where they drive: degrees, and the country. Vans around their depots, trucks along the roads west and south.
PLACES = {
    "Vilnius": (54.687, 25.280, "LT"), "Kaunas": (54.898, 23.904, "LT"), "Panevėžys": (55.733, 24.350, "LT"),
    "Šiauliai": (55.934, 23.314, "LT"), "Marijampolė": (54.560, 23.350, "LT"), "Suwałki": (54.100, 22.930, "PL"),
    "Białystok": (53.133, 23.160, "PL"), "Łomża": (53.178, 22.059, "PL"), "Warsaw": (52.230, 21.012, "PL"),
    "Łódź": (51.770, 19.456, "PL"), "Konin": (52.223, 18.251, "PL"), "Poznań": (52.406, 16.925, "PL"),
    "Świebodzin": (52.247, 15.533, "PL"), "Wrocław": (51.108, 17.038, "PL"), "Opole": (50.671, 17.926, "PL"),
    "Katowice": (50.264, 19.023, "PL"), "Frankfurt (Oder)": (52.347, 14.550, "DE"), "Berlin": (52.520, 13.405, "DE"),
    "Leipzig": (51.340, 12.375, "DE"), "Dresden": (51.050, 13.737, "DE"), "Prague": (50.075, 14.437, "CZ"),
    "Jihlava": (49.396, 15.591, "CZ"), "Olomouc": (49.594, 17.251, "CZ"),
}
HAULAGE = ["Marijampolė", "Suwałki", "Białystok", "Łomża", "Konin", "Poznań", "Świebodzin", "Wrocław", "Opole", "Katowice",
           "Frankfurt (Oder)", "Berlin", "Leipzig", "Dresden", "Prague", "Jihlava", "Olomouc"]
# Of `tgctl sim --profile`: the model that it pretends to be, what it sits in.
PROFILES = {"van": ("FMB920", "Van"), "can": ("FMC130", "Car"), "truck": ("FMB640", "Truck"),
            "asset": ("TAT140", "Trailer"), "eye": ("FMC125", "Reefer")}
# How many of sixty: group, profile, place.
SHARES = [
    (10, "Vilnius", "van", "Vilnius"), (7, "Kaunas", "van", "Kaunas"), (8, "Warsaw", "van", "Warsaw"),
    (4, "Cold chain", "eye", "Łódź"), (3, "Cold chain", "eye", "Panevėžys"),
    (5, "Service cars", "can", "Vilnius"), (2, "Service cars", "can", "Kaunas"), (2, "Trailers", "asset", "Poznań"),
    (2, "Trailers", "asset", "Šiauliai"),
] + [(1, "Haulage", "truck", place) for place in HAULAGE]
STRIDE = 37   # has no common divisor with sixty: any first few of them are of many kinds

# Vehicles that have something the matter: story, group, profile, place, notes.
STORIES = [
    ("never", "Vilnius", "van", "Vilnius", "Tracker fitted yesterday; waiting for its first position."),
    ("refused", "Warsaw", "van", "Warsaw", "Sold in spring; the tracker is still in it."),
    ("no-fix", "Kaunas", "van", "Kaunas", None),
    ("clock", "Service cars", "can", "Vilnius", None),
    ("stopped", "Haulage", "truck", "Łomża", None),
    ("stopped-long", "Trailers", "asset", "Białystok", None),
]
Vehicle = collections.namedtuple("Vehicle", "imei name plate model group category place profile story notes")


def plate(country, rnd):
    def letters(n):
        return "".join(rnd.choice("ABCDEFGHJKLMNPRSTUVZ") for _ in range(n))
    if country == "LT":
        return "%s %03d" % (letters(3), rnd.randrange(100, 999))
    if country == "PL":
        return "W%s %05d" % (letters(1), rnd.randrange(10000, 99999))
    if country == "DE":
        return "B-%s %d" % (letters(2), rnd.randrange(1000, 9999))
    return "%dA%d %04d" % (rnd.randrange(1, 9), rnd.randrange(1, 9), rnd.randrange(1000, 9999))


def vehicles(first_imei, moving):
    """`moving` that drive, and those with a story after them."""
    rnd = random.Random(first_imei)   # the same fleet each time
    sixty = [share[1:] for share in SHARES for _ in range(share[0])]
    wanted = [(None,) + sixty[i * STRIDE % len(sixty)] + (None,) for i in range(moving)] + STORIES
    count, made = collections.Counter(), []
    for i, (story, group, profile, place, notes) in enumerate(wanted):
        model, kind = PROFILES[profile]
        home = "%s %s" % (kind, place) if profile in ("van", "can") else kind   # the others are at home nowhere
        count[home] += 1
        made.append(Vehicle(str(first_imei + i), "%s %02d" % (home, count[home]),
                            plate(PLACES[place][2], rnd), model, group, kind.lower(), place, profile, story, notes))
    return made


def mistyped(imei):
    """Two digits changed their places, so far in front that it is no other vehicle's."""
    return imei[:4] + imei[5] + imei[4] + imei[6:]
