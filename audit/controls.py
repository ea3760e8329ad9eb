"""Which controls an entry is evidence for. A table, nothing else.

An event evidences a control; it does not by itself satisfy one, and nothing here says that
anybody meets a standard. NIST and ISO titles are the standards' own; for SOC 2, PCI DSS, HIPAA
and the AI Act, whose texts are sentences, the words are ours (a gist to find the place by).
Sources: AUDIT.md 3.2 and the catalogues it names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Control:
    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Framework:
    """A catalogue: its name, edition, what the reader must know, and topic → controls."""

    key: str
    name: str
    note: str
    controls: Mapping[str, tuple[Control, ...]]


TOPICS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = MappingProxyType(
    {
        "asked": ("Requests for privileged actions", ("request.created",)),
        "masked": ("Masking and preview", ("request.masked", "preview.shown")),
        "voted": ("Votes", ("vote.cast", "vote.withdrawn", "vote.refused")),
        "decided": ("Decisions", ("decision.approved", "decision.denied")),
        "ended": ("Expiry and cancellation", ("request.expired", "request.cancelled")),
        "granted": (
            "Grants",
            (
                "grant.issued",
                "grant.revoked",
                "grant.lapsed",
                "grant.refused",
                "standing.granted",
                "standing.revoked",
            ),
        ),
        "used": ("Use of grants", ("grant.used.begin", "grant.used.end")),
        "revealed": ("Reveals of masked values", ("reveal.viewed", "reveal.refused", "tokens.opened")),
        "broken": ("Break-glass", ("break_glass.used", "break_glass.reviewed")),
        "changed": (
            "Changes of policy, people and agents",
            ("policy.changed", "identity.changed", "agent.changed"),
        ),
        "kept": (
            "Integrity of the log",
            (
                "log.started",
                "log.stopped",
                "log.restored",
                "key.rotated",
                "keys.changed",
                "audit.verify_failed",
            ),
        ),
        "read": ("Reading of the log", ("audit.queried", "audit.exported")),
        "erased": (
            "Retention and erasure",
            ("payload.shredded", "hold.changed", "log.prune_proposed", "log.pruned"),
        ),
    }
)
"""Topic → heading and the entry types that belong to it."""


def _controls(text: str) -> tuple[Control, ...]:
    """``ID Title; ID Title`` as controls; the id ends at the first space outside brackets."""
    pairs = (part.strip().split(" ", 1) for part in text.split(";"))
    return tuple(Control(id, title) for id, title in pairs)


def _table(**topics: str) -> Mapping[str, tuple[Control, ...]]:
    return MappingProxyType({topic: _controls(text) for topic, text in topics.items()})


_NIST: Final = _table(
    asked="AU-2 Event Logging; AU-3 Content of Audit Records; AU-12 Audit Record Generation; CM-3 Configuration Change Control",
    masked="AU-3(3) Limit Personally Identifiable Information Elements; AC-4 Information Flow Enforcement; SI-19(4) Removal, Masking, Encryption, Hashing, or Replacement of Direct Identifiers",
    voted="AC-3(2) Dual Authorization; AC-5 Separation of Duties; IA-11 Re-authentication; AU-10 Non-repudiation; AU-10(1) Association of Identities",
    decided="AC-3 Access Enforcement; AC-3(2) Dual Authorization; AC-5 Separation of Duties; AC-6 Least Privilege; CM-3 Configuration Change Control; CM-5 Access Restrictions for Change; CM-5(4) Dual Authorization",
    ended="AC-3 Access Enforcement; AC-12 Session Termination",
    granted="AC-6 Least Privilege; AC-6(1) Authorize Access to Security Functions; AC-2(4) Automated Audit Actions",
    used="AC-6(9) Log Use of Privileged Functions; AU-12 Audit Record Generation",
    revealed="AC-3(10) Audited Override of Access Control Mechanisms; AC-6(9) Log Use of Privileged Functions; AU-12 Audit Record Generation",
    broken="AC-3(10) Audited Override of Access Control Mechanisms; IR-4 Incident Handling",
    changed="CM-3 Configuration Change Control; CM-3(2) Testing, Validation, and Documentation of Changes; CM-5 Access Restrictions for Change; CM-6 Configuration Settings; AU-12(3) Changes by Authorized Individuals",
    kept="AU-9 Protection of Audit Information; AU-9(3) Cryptographic Protection; AU-10 Non-repudiation; SI-7 Software, Firmware, and Information Integrity; SC-13 Cryptographic Protection; SC-12 Cryptographic Key Establishment and Management",
    read="AU-6 Audit Record Review, Analysis, and Reporting; AU-7 Audit Record Reduction and Report Generation; AU-9(4) Access by Subset of Privileged Users",
    erased="AU-11 Audit Record Retention; SI-12 Information Management and Retention; SI-12(3) Information Disposal; MP-6 Media Sanitization",
)

_ISO: Final = _table(
    asked="A.8.15 Logging; A.8.32 Change management",
    masked="A.8.11 Data masking; A.8.12 Data leakage prevention; A.5.34 Privacy and protection of PII",
    voted="A.5.3 Segregation of duties; A.8.5 Secure authentication; A.5.16 Identity management",
    decided="A.5.3 Segregation of duties; A.5.15 Access control; A.5.18 Access rights; A.8.2 Privileged access rights; A.8.32 Change management",
    ended="A.5.18 Access rights",
    granted="A.5.18 Access rights; A.8.2 Privileged access rights; A.8.3 Information access restriction",
    used="A.8.2 Privileged access rights; A.8.15 Logging; A.8.18 Use of privileged utility programs",
    revealed="A.8.3 Information access restriction; A.8.11 Data masking; A.8.12 Data leakage prevention; A.5.34 Privacy and protection of PII",
    broken="A.5.26 Response to information security incidents; A.8.2 Privileged access rights",
    changed="A.8.9 Configuration management; A.8.32 Change management; A.5.36 Compliance with policies, rules and standards for information security",
    kept="A.8.15 Logging; A.5.28 Collection of evidence; A.5.33 Protection of records; A.8.24 Use of cryptography; A.8.17 Clock synchronization",
    read="A.8.15 Logging; A.8.34 Protection of information systems during audit testing",
    erased="A.8.10 Information deletion; A.5.33 Protection of records; A.5.34 Privacy and protection of PII",
)

_SOC2: Final = _table(
    asked="CC6.1 logical access is restricted; CC8.1 changes are authorised before they are made",
    masked="CC6.1 logical access is restricted; CC6.7 information is protected when it moves; C1.1 confidential information is protected",
    voted="CC6.1 logical access is restricted; CC6.3 access follows roles and separation of duties",
    decided="CC5.2 controls over technology are selected; CC6.1 logical access is restricted; CC6.3 access follows roles and separation of duties; CC8.1 changes are authorised before they are made",
    ended="CC6.2 access is granted and removed on authorisation; CC6.3 access follows roles and separation of duties",
    granted="CC6.1 logical access is restricted; CC6.2 access is granted and removed on authorisation; CC6.3 access follows roles and separation of duties",
    used="CC6.1 logical access is restricted; CC7.2 operation is monitored for anomalies; CC8.1 changes are authorised before they are made",
    revealed="CC6.1 logical access is restricted; CC6.7 information is protected when it moves; C1.1 confidential information is protected",
    broken="CC6.3 access follows roles and separation of duties; CC7.3 security events are evaluated; CC7.4 incidents are responded to",
    changed="CC3.4 changes that affect controls are assessed; CC5.2 controls over technology are selected; CC8.1 changes are authorised before they are made",
    kept="CC7.1 changes to configuration are detected; CC7.2 operation is monitored for anomalies",
    read="CC4.1 controls are evaluated; CC7.2 operation is monitored for anomalies",
    erased="C1.2 confidential information is disposed of; P4.2 personal information is kept no longer than needed; P4.3 personal information is disposed of",
)

_PCI: Final = _table(
    asked="6.5.1 changes to production follow a procedure; 10.2.2 log records hold the needed facts",
    masked="3.4.1 card numbers are masked when displayed",
    voted="7.2.3 privileges are approved by authorised persons; 8.2.1 every user has an own id",
    decided="6.5.1 changes to production follow a procedure; 6.5.4 roles are separated; 7.2.3 privileges are approved by authorised persons",
    ended="7.2.2 access follows job and least privilege",
    granted="7.2.1 an access model is defined; 7.2.2 access follows job and least privilege; 7.2.5 application accounts have least privilege; 10.2.1.5 changes of credentials are logged",
    used="10.2.1.2 administrative actions are logged; 10.2.2 log records hold the needed facts; 7.2.5 application accounts have least privilege",
    revealed="10.2.1.1 individual access to cardholder data is logged; 3.4.1 card numbers are masked when displayed",
    broken="10.4.1 critical logs are reviewed daily",
    changed="6.5.1 changes to production follow a procedure; 10.2.1.7 creation and deletion of system objects is logged",
    kept="10.3.2 logs are protected from change; 10.3.4 change detection watches the logs; 10.2.1.6 starting and stopping of logs is logged; 10.6.1 clocks are synchronised",
    read="10.2.1.3 access to logs is logged; 10.3.1 reading of logs is limited; 10.4.1 critical logs are reviewed daily",
    erased="10.5.1 logs are kept twelve months, three at hand",
)

_HIPAA: Final = _table(
    asked="164.312(b) audit controls",
    masked="164.502(b) minimum necessary",
    voted="164.308(a)(4) information access management",
    decided="164.308(a)(4) information access management; 164.312(a)(1) access control",
    granted="164.308(a)(4) information access management; 164.312(a)(1) access control",
    used="164.312(b) audit controls",
    revealed="164.312(b) audit controls; 164.502(b) minimum necessary",
    kept="164.312(c)(1) integrity",
    read="164.308(a)(1)(ii)(D) information system activity review",
    erased="164.316(b)(2)(i) retention of documentation",
)

_AI_ACT: Final = _table(
    asked="12(1) events are recorded automatically",
    voted="14(4) a person can understand, oversee and decline",
    decided="14(4)(d) a person can decide not to use or to override the output; 26(2) oversight is given to competent persons",
    ended="14(4)(e) a person can interrupt or stop",
    used="12(2) recorded events allow tracing; 26(5) operation is monitored",
    kept="12(1) events are recorded automatically; 19(1) generated logs are kept",
    erased="19(1) generated logs are kept; 26(6) logs are kept at least six months",
)

_ONLY_HIGH: Final = "FedRAMP Rev. 5 baselines: AC-3(2), AC-3(10) and CM-5(4) are in none of them (evidence beyond the baseline); AU-10, AU-9(3), AU-12(3) are High only; AC-5, AC-6(9), AU-7, AU-9(4) and CM-3 are Moderate and High; the other AU controls here and AC-3, CM-5 are in all three."

FRAMEWORKS: Final[Mapping[str, Framework]] = MappingProxyType(
    {
        f.key: f
        for f in (
            Framework(
                "soc2",
                "SOC 2, Trust Services Criteria 2017 (points of focus 2022)",
                "Words are a gist, not the criteria's text.",
                _SOC2,
            ),
            Framework(
                "iso27001",
                "ISO/IEC 27001:2022, Annex A",
                "Ids are Annex A controls (A.5.3), not clauses of the standard (5.3).",
                _ISO,
            ),
            Framework("fedramp", "FedRAMP Rev. 5 (NIST SP 800-53 Rev. 5)", _ONLY_HIGH, _NIST),
            Framework("pci", "PCI DSS 4.0.1", "Words are a gist, not the requirements' text.", _PCI),
            Framework(
                "hipaa",
                "HIPAA Security and Privacy Rules, 45 CFR 164",
                "Words are a gist, not the rules' text.",
                _HIPAA,
            ),
            Framework(
                "ai-act",
                "EU AI Act, Regulation (EU) 2024/1689",
                "The duties for high-risk systems are announced to apply from December 2027; a bot that approves operations is rarely itself such a system. Article 14(5)'s two persons concern biometric identification only.",
                _AI_ACT,
            ),
        )
    }
)
