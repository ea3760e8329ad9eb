"""Cloud providers, hosting, infrastructure tools and secret stores: their credentials by prefix or by name.

Each row: name, literals that start the confirm, pattern, where the vendor writes of the format.
"""

from __future__ import annotations

from masking.detect.secrets_table import UUID, keyed, token
from masking.recognizer import Recognizer

_AZURE = "learn.microsoft.com: Azure identifiable secrets; microsoft/security-utilities"
_VAULT = "developer.hashicorp.com/vault/docs/concepts/tokens"

# One row a format: the formatter would turn each into eight lines.
# fmt: off
_TOKENS = (
    ("aws-access-key-id", "akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}", "docs.aws.amazon.com/IAM: reference identifiers, unique ID prefixes"),
    ("aws-mws-token", "amzn.mws.", rf"amzn\.mws\.{UUID}", "developer-docs.amazon.com: Marketplace Web Service auth token"),
    ("aws-session-token", "fwogzxivyxdz iqojb3jpz2lu fqogzxivyxdz", r"(?:FwoGZXIvYXdz|IQoJb3JpZ2lu|FQoGZXIvYXdz)[A-Za-z0-9+/=]{100,1500}", "docs.aws.amazon.com/STS: temporary credentials"),
    ("aws-bedrock-key", "absk", r"ABSK[A-Za-z0-9+/]{109,269}={0,2}", "docs.aws.amazon.com/bedrock: API keys"),
    ("aws-bedrock-short-key", "bedrock-api-key-", r"bedrock-api-key-[A-Za-z0-9+/]{20,1500}={0,2}", "docs.aws.amazon.com/bedrock: short-term API keys"),
    ("gcp-api-key", "aiza", r"AIza[\w-]{35}", "cloud.google.com/docs/authentication/api-keys"),
    ("gcp-oauth-client-secret", "gocspx-", r"GOCSPX-[\w-]{28}", "developers.google.com/identity/protocols/oauth2"),
    ("gcp-access-token", "ya29.", r"ya29\.[\w-]{20,400}", "cloud.google.com/docs/authentication/token-types: access tokens"),
    ("gcp-refresh-token", "1//0", r"1//0[\w-]{40,150}", "developers.google.com/identity/protocols/oauth2: refresh tokens"),
    ("gcp-hmac-key", "goog", r"GOOG1?[A-Z0-9]{20,57}", "cloud.google.com/storage/docs/authentication/hmackeys"),
    ("azure-storage-connection", "accountkey=", r"AccountKey=([A-Za-z0-9+/]{86}==)", "learn.microsoft.com: storage connection string"),
    ("azure-shared-access-key", "sharedaccesskey=", r"SharedAccessKey=([A-Za-z0-9+/]{42,86}={1,2})", "learn.microsoft.com: Service Bus connection string"),
    ("azure-sas-signature", "sig=", r"sig=([A-Za-z0-9%+/]{40,90}(?:%3[dD]|=))", "learn.microsoft.com: storage shared access signature"),
    ("azure-functions-url-code", "azurewebsites.net/api/", r"azurewebsites\.net/api/[^\s?]{1,100}\?code=([\w/%=-]{40,90})", "learn.microsoft.com: Azure Functions access keys"),
    ("azure-ad-client-secret", "q~", r"[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}", "learn.microsoft.com/entra: client secret"),
    ("azure-devops-token", "azdo", r"[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}", "learn.microsoft.com/azure/devops: personal access token format 2024"),
    ("azure-storage-key", "+ast +aba +amc acdb apim", r"[A-Za-z0-9+/]{76}(?:\+ASt|\+ABa|\+AMC|ACDb|APIM)[A-Za-z0-9+/]{5}[AQgw]==", _AZURE),
    ("azure-messaging-key", "+asb +aeh +arm", r"[A-Za-z0-9+/]{33}\+(?:ASb|AEh|ARm)[A-P][A-Za-z0-9+/]{5}=", _AZURE),
    ("azure-function-key", "azfu", r"[\w-]{44}AzFu[\w-]{5}[AQgw]==?", _AZURE),
    ("azure-search-key", "azse", r"[A-Za-z0-9]{42}AzSe[A-D][A-Za-z0-9]{5}", _AZURE),
    ("azure-registry-key", "+acr", r"[A-Za-z0-9+/]{42}\+ACR[A-D][A-Za-z0-9+/]{5}", _AZURE),
    ("azure-redis-key", "azca", r"[A-Za-z0-9]{33}AzCa[A-P][A-Za-z0-9]{5}=", _AZURE),
    ("azure-cognitive-key", "aaaac", r"[A-Za-z0-9]{52}J[QP]J99[A-Z0-9]{5}AAAAC[A-Za-z0-9]{14,20}", _AZURE),
    ("alibaba-access-key-id", "ltai", r"LTAI[A-Za-z0-9]{12,26}", "alibabacloud.com/help: AccessKey pair"),
    ("tencent-secret-id", "akid", r"AKID[A-Za-z0-9]{13,40}", "tencentcloud.com/document: SecretId"),
    ("volcengine-access-key", "aklt", r"AKLT[A-Za-z0-9+/=_-]{40,60}", "volcengine.com/docs: Access Key"),
    ("scaleway-access-key", "scw", r"SCW[A-Z0-9]{17}", "scaleway.com/en/docs: API keys"),
    ("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"do[opr]_v1_[a-f0-9]{64}", "docs.digitalocean.com/reference/api: token prefixes"),
    ("digitalocean-spaces-key", "do00 do80", r"DO[08]0[A-Z0-9]{16}", "docs.digitalocean.com/products/spaces: access keys"),
    ("heroku-api-key", "hrku-", r"HRKU-AA[\w-]{58}", "devcenter.heroku.com: API token prefix"),
    ("fly-token", "fm1a_ fm1r_ fm2_ fo1_", r"(?:fo1_[\w-]{43}|fm1[ar]_[A-Za-z0-9+/]{100,400}={0,3}|fm2_[A-Za-z0-9+/]{100,400}={0,3})", "fly.io/docs/security/tokens"),
    ("render-api-key", "rnd_", r"rnd_[A-Za-z0-9]{28,36}", "render.com/docs/api"),
    ("vercel-token", "vcp_ vci_ vca_ vcr_ vck_", r"vc[piark]_[A-Za-z0-9]{24,60}", "vercel.com/docs: token prefixes"),
    ("vercel-blob-token", "vercel_blob_rw_", r"vercel_blob_rw_[A-Za-z0-9]{16}_[A-Za-z0-9]{30,40}", "vercel.com/docs/vercel-blob"),
    ("netlify-token", "nfp_ nfc_ nfo_ nfu_", r"nf[pcou]_[A-Za-z0-9_]{36,46}", "docs.netlify.com/api: token prefixes"),
    ("cloudflare-origin-ca", "v1.0-", r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}", "developers.cloudflare.com: Origin CA keys"),
    ("cloudflare-scoped-token", "cfut_ cfat_ cfk_", r"cf(?:ut|at|k)_[A-Za-z0-9]{36,60}", "developers.cloudflare.com/fundamentals/api: token formats"),
    ("planetscale-token", "pscale_tkn_ pscale_oauth_ pscale_pw_", r"pscale_(?:tkn|oauth|pw)_[\w=.-]{32,64}", "planetscale.com/docs: service tokens, passwords"),
    ("supabase-token", "sbp_ sb_secret_", r"(?:sbp_[a-f0-9]{40}|sb_secret_[A-Za-z0-9_-]{22,50})", "supabase.com/docs: API keys, access tokens"),
    ("neon-api-key", "napi_", r"napi_[a-z0-9]{60,70}", "neon.com/docs/manage/api-keys"),
    ("cockroach-api-key", "ccdb1_", r"CCDB1_[A-Za-z0-9]{22}_[A-Za-z0-9]{40}", "cockroachlabs.com/docs/cockroachcloud: API access"),
    ("databricks-token", "dapi dkea dose", r"(?:dapi|dkea|dose)[a-f0-9]{32}(?:-[0-9])?", "docs.databricks.com: personal access tokens"),
    ("terraform-cloud-token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,70}", "developer.hashicorp.com/terraform: API tokens"),
    ("vault-service-token", "hvs. hvb. hvr.", r"hv[sbr]\.[\w-]{24,300}", _VAULT),
    ("doppler-token", "dp.", r"dp\.(?:pt|ct|sa|scim|audit|st(?:\.[a-z0-9_-]{2,35})?)\.[A-Za-z0-9]{40,44}", "docs.doppler.com/reference: token formats"),
    ("pulumi-token", "pul-", r"pul-[a-f0-9]{40}", "pulumi.com/docs: access tokens"),
    ("onepassword-service-token", "ops_eyj", r"ops_eyJ[A-Za-z0-9+/]{250,1200}={0,3}", "developer.1password.com/docs/service-accounts"),
    ("onepassword-secret-key", "a3-", r"A3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}", "support.1password.com/secret-key-security"),
    ("age-secret-key", "age-secret-key-1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", "age-encryption.org/v1, section X25519"),
    ("harness-token", "pat. sat.", r"[ps]at\.[A-Za-z0-9_-]{22}\.[a-f0-9]{24}\.[A-Za-z0-9]{20}", "developer.harness.io: API keys"),
    ("infracost-token", "ico-", r"ico-[A-Za-z0-9]{32}", "infracost.io/docs: API key"),
    ("openshift-token", "sha256~", r"sha256~[\w-]{43}", "docs.openshift.com: OAuth access tokens"),
    ("docker-token", "dckr_pat_ dckr_oat_", r"dckr_(?:pat_[\w-]{27}|oat_[\w-]{32})", "docs.docker.com/security: access tokens"),
    ("docker-swarm-token", "swmtkn-1-", r"SWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}", "docs.docker.com/engine/swarm: join tokens"),
    ("teleport-token", "tbot.", r"tbot\.[A-Za-z0-9]{32,64}", "goteleport.com/docs: join tokens"),
    ("tailscale-key", "tskey-", r"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]{6,30}(?:CNTRL|CTRL)?-[A-Za-z0-9]{16,50}", "tailscale.com/kb: key prefixes"),
    ("octopus-api-key", "api-", r"API-[A-Z0-9]{26,34}", "octopus.com/docs: how to create an API key"),
    ("rancher-token", "token-", r"token-[a-z0-9]{5}:[a-z0-9]{54}", "ranchermanager.docs.rancher.com: API keys"),
    ("aiven-token", "aivenv1", r"aivenv1[A-Za-z0-9+/]{300,400}={0,2}", "aiven.io/docs: authentication tokens"),
    ("turso-token", "libsql", r"libsql://[^\s?]{4,80}\?authToken=([\w.-]{40,500})", "docs.turso.tech: authToken parameter"),
    ("defined-networking-token", "dnkey-", r"dnkey-[A-Za-z0-9=_-]{26}-[A-Za-z0-9=_-]{52}", "docs.defined.net: API keys"),
    ("prefect-token", "pnu_ pnb_", r"pn[ub]_[A-Za-z0-9]{36}", "docs.prefect.io: API keys"),
    ("snyk-prefixed-token", "snyk_", r"snyk_(?:uat|sat)\.[a-z0-9]{8}\.[\w-]{40,120}\.[\w-]{40,120}\.[\w-]{20,120}", "docs.snyk.io: token formats"),
)

_KEYED = (
    ("aws-secret-access-key", "aws secretaccesskey secret_access_key secret-access-key aws_secret", r"[A-Za-z0-9/+]{40}", "docs.aws.amazon.com/IAM: access keys"),
    ("azure-devops-pat", "azure devops vsts ado_", r"[a-z2-7]{52}", "learn.microsoft.com/azure/devops: personal access tokens"),
    ("azure-openai-key", "openai ocp-apim cognitive", r"[a-f0-9]{32}", "learn.microsoft.com/azure/ai-services: authentication"),
    ("alibaba-secret", "alibaba aliyun alicloud", r"[A-Za-z0-9]{30}", "alibabacloud.com/help: AccessKey pair"),
    ("tencent-secret-key", "tencent qcloud", r"[A-Za-z0-9]{32}", "tencentcloud.com/document: SecretKey"),
    ("ibm-cloud-key", "ibm ibmcloud bluemix", r"[\w-]{44}", "cloud.ibm.com/docs/account: API keys"),
    ("ibm-cos-secret", "hmac cos_", r"[a-f0-9]{48}", "cloud.ibm.com/docs/cloud-object-storage: HMAC credentials"),
    ("heroku-uuid-key", "heroku", UUID, "devcenter.heroku.com/articles/authentication"),
    ("linode-token", "linode", r"[a-f0-9]{64}", "techdocs.akamai.com/linode-api: personal access tokens"),
    ("vultr-key", "vultr", r"[A-Z0-9]{36}", "docs.vultr.com: API key"),
    ("hetzner-token", "hetzner hcloud", r"[A-Za-z0-9]{64}", "docs.hetzner.cloud: authentication"),
    ("scaleway-secret", "scaleway scw_", UUID, "scaleway.com/en/docs: API keys"),
    ("ovh-secret", "ovh", r"[a-z0-9]{32}", "help.ovhcloud.com: first steps with the API"),
    ("cloudflare-token", "cloudflare cf_", r"(?:[\w-]{40}|[a-f0-9]{37})", "developers.cloudflare.com: API tokens and keys"),
    ("vercel-keyed-token", "vercel", r"[A-Za-z0-9]{24}", "vercel.com/docs/rest-api"),
    ("netlify-keyed-token", "netlify", r"[\w=-]{40,46}", "docs.netlify.com/api: authentication"),
    ("railway-token", "railway", UUID, "docs.railway.com: public API tokens"),
    ("fastly-key", "fastly", r"[\w=-]{32}", "fastly.com/documentation: API tokens"),
    ("akamai-secret", "akamai edgerc client_secret akab", r"[A-Za-z0-9+/=]{43,45}", "techdocs.akamai.com: EdgeGrid credentials"),
    ("consul-or-nomad-token", "consul nomad", UUID, "developer.hashicorp.com: ACL tokens"),
    ("snowflake-secret", "snowflake", r"[A-Za-z0-9+/_=.-]{24,100}", "docs.snowflake.com: key and token authentication"),
    ("mongodb-atlas-key", "atlas mongodb", UUID, "mongodb.com/docs/atlas: API keys"),
    ("upstash-token", "upstash", r"[A-Za-z0-9=_-]{40,100}", "upstash.com/docs: REST token"),
    ("confluent-secret", "confluent", r"(?:[A-Za-z0-9+/]{64}|[A-Z0-9]{16})", "docs.confluent.io: API keys"),
    ("artifactory-keyed", "artifactory jfrog bintray xray", r"(?:[A-Za-z0-9]{73}|[A-Za-z0-9]{64})", "jfrog.com/help: API key"),
    ("zerotier-token", "zerotier", r"[A-Za-z0-9]{32}", "docs.zerotier.com: API tokens"),
    ("ngrok-token", "ngrok", r"[A-Za-z0-9]{20,30}_[A-Za-z0-9]{20,30}", "ngrok.com/docs: authtokens"),
    ("vault-legacy-token", "vault", r"[sbr]\.[A-Za-z0-9]{24}", _VAULT),
    ("infisical-token", "infisical", r"st\.[a-f0-9-]{24,36}\.[a-f0-9]{32}\.[a-f0-9]{32}", "infisical.com/docs: service tokens"),
    ("akeyless-key", "akeyless", r"[A-Za-z0-9+/=]{40,48}", "docs.akeyless.io: access key"),
    ("dagster-token", "dagster", r"(?:user|agent):[\w:.-]{20,80}", "docs.dagster.io: user tokens"),
    ("gcp-private-key-id", "private_key_id", r"[a-f0-9]{40}", "cloud.google.com/iam/docs/keys-create-delete: key file"),
)
# fmt: on

_LEFT = {
    "azure-ad-client-secret": 5,
    "azure-devops-token": 78,
    "azure-storage-key": 78,
    "azure-messaging-key": 35,
}
_LEFT |= {"azure-function-key": 46, "azure-search-key": 44, "azure-registry-key": 44, "azure-redis-key": 35}
_LEFT |= {"azure-cognitive-key": 64, "terraform-cloud-token": 16}
"""How far left of its literal a format begins, where the literal is not its beginning."""

RECOGNIZERS: tuple[Recognizer, ...] = (
    *(token(*row, before=_LEFT.get(row[0], 0)) for row in _TOKENS),
    *(keyed(*row) for row in _KEYED),
)
