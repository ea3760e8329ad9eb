"""The programs that are given passwords on their command lines, and where: the table that ``secrets_commands`` reads lines by.

A program is one row. Source of each: its manual page, the section of its options.
"""

from __future__ import annotations

from typing import Final


class Program:
    """What of the words behind it is a password."""

    __slots__ = (
        "first",
        "joined",
        "last_pairs",
        "needs",
        "options",
        "pairs",
        "place",
        "short",
        "sign",
        "stdin",
        "stdin_needs",
    )

    def __init__(
        self,
        options: str = "",
        joined: str = "",
        pairs: str = "",
        *,
        sign: str = ":",
        first: str = "",
        place: int = 0,
        needs: str = "",
        last_pairs: bool = False,
        stdin: str = "",
        stdin_needs: str = "",
    ) -> None:
        """Lists are separated by blanks.

        *options*: the word behind one of them, or what stands behind its ``=``; *joined*: what stands behind it in the same word; *pairs*: of
        either, what stands behind *sign*. *first*: one of these words must stand behind the program's name. *place*: the number of the
        word that is one, counted without options (1 is the first behind *first*); it must be a pair where *last_pairs*, and *needs* are
        letters of an option that must be there for it. *stdin*: what is piped in is a ``value`` or a ``pair``, where one of *stdin_needs*
        is there.
        """
        self.options, self.pairs = frozenset(options.split()), frozenset(pairs.split())
        self.joined, self.short = tuple(joined.split()), tuple(p for p in pairs.split() if len(p) == 2)
        self.first, self.sign, self.place, self.needs, self.last_pairs = (
            frozenset(first.split()),
            sign,
            place,
            needs,
            last_pairs,
        )
        self.stdin, self.stdin_needs = stdin, frozenset(stdin_needs.split())


_PW = "-p --password"
_LOGIN = Program(options=_PW, first="login", stdin="value", stdin_needs="--password-stdin")
_MYSQL = Program(options="--password", joined="-p")
_MONGO = Program(options=_PW, joined="-p")
_LDAP = Program(options="-w", joined="-w")
_SMB = Program(pairs="-U --user", sign="%", options="--password")
_SNMP = Program(options="-c -A -X")
_PUTTY = Program(options="-pw")
_MSSQL = Program(options="-P", joined="-P")
_USER = Program(pairs="-u -U --user --proxy-user")
_P = Program(options=_PW)
_LUKS = Program(stdin="value")
_IMPACKET = Program(place=1, last_pairs=True)

PROGRAMS: Final[dict[str, Program]] = {
    **dict.fromkeys(("docker", "podman", "nerdctl", "buildah", "skopeo", "oras", "az", "oc", "cf"), _LOGIN),
    "helm": Program(options="--password", first="registry repo", stdin="value", stdin_needs="--password-stdin"),
    **dict.fromkeys(("mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlcheck", "mysqlshow", "mariadb", "mariadb-dump", "xtrabackup"), _MYSQL),
    **dict.fromkeys(("mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "mongostat"), _MONGO),
    "sshpass": Program(options="-p", joined="-p"),
    **dict.fromkeys(("redis-cli", "valkey-cli"), Program(options="-a --pass AUTH auth")),
    **dict.fromkeys(("ldapsearch", "ldapmodify", "ldapadd", "ldapdelete", "ldapwhoami", "ldapcompare"), _LDAP),
    "ldappasswd": Program(options="-w -s -a", joined="-w"),
    **dict.fromkeys(("curl", "etcdctl", "httpie"), _USER),
    **dict.fromkeys(("http", "https"), Program(pairs="-a --auth")),
    "lftp": Program(pairs="-u", sign=","),
    **dict.fromkeys(("smbclient", "rpcclient", "smbget", "smbcacls", "smbtree"), _SMB),
    "openssl": Program(options="-k", pairs="-passin -passout -pass -password -passwd"),
    **dict.fromkeys(("unzip", "zip", "zipcloak"), Program(options="-P")),
    **dict.fromkeys(("7z", "7za", "7zz", "rar", "unrar"), Program(joined="-p -hp")),
    "ipmitool": Program(options="-P", joined="-P"),
    **dict.fromkeys(("snmpget", "snmpwalk", "snmpbulkwalk", "snmpset", "snmpgetnext", "snmpbulkget", "snmptable", "snmptrap"), _SNMP),
    **dict.fromkeys(("mosquitto_pub", "mosquitto_sub"), Program(options="-P --pw")),
    **dict.fromkeys(("sqlcmd", "bcp", "isql", "tsql"), _MSSQL),
    **dict.fromkeys(("cqlsh", "beeline", "rdesktop", "hydra", "evil-winrm", "psexec", "influx", "ncftpput", "ncftpget", "winexe", "kadmin"), _P),
    **dict.fromkeys(("crackmapexec", "netexec", "nxc"), _P),
    **dict.fromkeys(("plink", "pscp", "psftp"), _PUTTY),
    **dict.fromkeys(("xfreerdp", "wfreerdp", "winrs"), Program(joined="/p: -p:")),
    "schtasks": Program(options="/rp"),
    "gpg": Program(options="--passphrase", stdin="value", stdin_needs="--passphrase-fd"),
    "gpg2": Program(options="--passphrase", stdin="value", stdin_needs="--passphrase-fd"),
    "cryptsetup": _LUKS,
    "kinit": Program(stdin="value"),
    "htpasswd": Program(place=3, needs="b"),
    "chpasswd": Program(stdin="pair"),
    "vncpasswd": Program(stdin="value", stdin_needs="-f"),
    "smbpasswd": Program(stdin="value", stdin_needs="-s"),
    "passwd": Program(stdin="value", stdin_needs="--stdin"),
    "sudo": Program(stdin="value", stdin_needs="-S --stdin"),
    **dict.fromkeys(("useradd", "usermod"), _P),
    "rabbitmqctl": Program(first="add_user change_password authenticate_user", place=2),
    "wpa_passphrase": Program(place=2),
    "rclone": Program(first="obscure", place=1),
    "bw": Program(first="unlock", place=1),
    "kubectl": Program(pairs="--from-literal", sign="="),
    "convertto-securestring": Program(options="-String", place=1),
    "sqlplus": Program(place=1, last_pairs=True, sign="/"),
    **{f"impacket-{tool}": _IMPACKET for tool in ("psexec", "wmiexec", "smbexec", "secretsdump", "smbclient", "mssqlclient", "getuserspns")},
    **dict.fromkeys(("ansible", "ansible-playbook"), Program()),
    **dict.fromkeys(("keytool", "jarsigner", "apksigner"), Program(options="-storepass -keypass --ks-pass")),
    **dict.fromkeys(("svn", "wget"), Program(options="--password --http-password --ftp-password --proxy-password")),
    "pdftk": Program(options="input_pw user_pw owner_pw"),
    "net": Program(),
    "nmcli": Program(options="password"),
    "setx": Program(),
}  # fmt: skip

LITERALS: Final = (
    *(
        "docker",
        "podman",
        "nerdctl",
        "buildah",
        "skopeo",
        "oras",
        "az login",
        'az"',
        "oc login",
        'oc"',
        "cf login",
        'cf"',
        "helm re",
    ),
    *(
        "mysql",
        "mariadb",
        "xtrabackup",
        "mongo",
        "sshpass",
        "redis-cli",
        "valkey-cli",
        "ldap",
        "curl",
        "etcdctl",
        "http -",
        "https -",
    ),
    *(
        "httpie",
        "lftp",
        "smbclient",
        "rpcclient",
        "smbget",
        "smbcacls",
        "smbtree",
        "smbpasswd",
        "openssl",
        "unzip",
        "zip -",
        'zip"',
    ),
    *(
        "zipcloak",
        "7z",
        "rar ",
        "unrar",
        "ipmitool",
        "snmp",
        "mosquitto_",
        "sqlcmd",
        "bcp ",
        "isql",
        "tsql",
        "cqlsh",
        "beeline",
    ),
    *(
        "rdesktop",
        "hydra -",
        "evil-winrm",
        "psexec",
        "influx -",
        "ncftp",
        "winexe",
        "kadmin",
        "crackmapexec",
        "netexec",
        "nxc ",
    ),
    *(
        "plink",
        "pscp",
        "psftp",
        "xfreerdp",
        "wfreerdp",
        "winrs",
        "schtasks",
        "gpg -",
        "gpg2 -",
        'gpg"',
        "cryptsetup",
        "kinit",
    ),
    *(
        "htpasswd",
        "chpasswd",
        "vncpasswd",
        "passwd ",
        'passwd"',
        "sudo -s",
        "sudo --st",
        "useradd",
        "usermod",
        "rabbitmqctl",
    ),
    *(
        "wpa_passphrase",
        "rclone obs",
        "bw unlock",
        "kubectl",
        "convertto-securestring",
        "sqlplus",
        "impacket-",
        "ansible",
        "keytool",
    ),
    *("jarsigner", "apksigner", "svn ", "wget", "pdftk", "net use", "nmcli", "setx "),
)
"""What the names of the programs begin with, and how those go on that are words as well."""
