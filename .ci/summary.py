"""The counts of a junit file; exit 1 when a browser test was skipped or nothing ran."""

import sys
import xml.etree.ElementTree as ET

root = ET.parse(sys.argv[1]).getroot()
cases = root.findall(".//testcase")
skipped = [(case, case.find("skipped")) for case in cases if case.find("skipped") is not None]
failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
browser = [
    case
    for case, why in skipped
    if "Chromium" in (why.get("message") or "") or "browser" in (why.get("message") or "").lower()
]
print(
    f"== {len(cases)} tests: {len(cases) - len(skipped) - len(failed)} passed, {len(failed)} failed, {len(skipped)} skipped"
)
for case, why in skipped:
    print(f"   skipped {case.get('classname')}.{case.get('name')}: {why.get('message')}")
if browser:
    sys.exit(f"{len(browser)} browser tests were skipped")
if not cases or failed:
    sys.exit("nothing ran, or something failed")
