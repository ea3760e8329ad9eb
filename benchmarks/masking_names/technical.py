"""Own sentences as programs, their comments, settings and logs have them, in which nobody is named: what the wheels of ``training.txt`` have too little of.

``{x}`` is a program or a product, ``{verb}`` how a comment begins, ``{thing}`` what it speaks of, ``{id}`` an identifier, ``{eponym}`` what carries a
surname and is a method, ``{colour}``, ``{tongue}`` and ``{month}`` what stands in tables; the other slots are those of ``templates``.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> list[str]:
    return text.split()


TECHNICAL: Final = (
    """
\"\"\"{verb} the {thing}.
\"\"\"{verb} a {thing} from {x}.\"\"\"
    \"\"\"{verb} {thing} and {thing}.\"\"\"\\n    return self.{id}
    # {verb} the {thing} before {x} is started.
  # {verb} {thing} in {x}
    // {verb} the {thing}. {verb} it once.
 * {verb} the {thing} of {x}
/* {verb} {thing} */
/// {verb} the {thing}, hence the {thing}.
-- {verb} the {thing}
# {mark}: {verb} The {thing}
// {mark}({id}): {verb} {thing}
    {id}: {verb} {thing} (default: {n})
    :param {id}: {verb} each {thing} and use it.
    :returns: {thing}
    @param {id} {verb} the {thing}.
        raise ValueError("{verb} {thing}")
        raise RuntimeError(f"{x} {thing} of {{name}} is wrong")
        print(f"{verb} {thing}: {{len({id})}}")
        log.info("{verb} {x} {thing} %s", {id})
        logger.warning("{x} is not running. Please start {x} and try again.")
    "{id}": {id}.{id},
    '{id}', '{id}', '{id}', '{id}',
    {id}, {id}, {id},
  {id}: "{id}"
{id} = {id}({id}, "{x}")
echo "{verb} {thing}: ${id}"
echo "{x} {thing} installed."
echo "Waiting for {x} {thing} ..."
    log "ERROR: {x} not found on {x} system"
# {verb} {x} {thing}
# {verb} {x}
# Install {x} and {x}
- name: {verb} {x} {thing}
- name: {verb} {thing}
  description: "{verb} the {thing} of {x}"
      summary: {verb} {thing}
    help_text: {verb} {thing}, in {x}
allowed: {verb},{verb},{verb},{verb}
{x}'s {thing} is {n}.
{x} {thing}
the {x} {thing}
The {x} extension for {x} requires {x} {n1}.0 or later.
{x} {n1}.{n1} and {x} {n1}.{n1}
Lexer for {x}.
{x} support for {x}.
{x} compiler, {x} runtime
This depends on {x}.
see the {x} documentation
by {x}, so this call returns nothing
used by {x} and {x}
on {x} and {x}
{x} server, {x} client
{x} backend
[{id}] {verb} {thing}
INFO {x}: {verb} {thing}
WARN {id} {verb} {thing} {n}
    The {eponym} is defined as the inverse of it.
    {eponym}, see [1]_
    """.strip().split("\n")
    + """
Implementation of the {eponym}.
# {eponym}
'{colour}', '{colour}', '{colour}', '{colour}',
    '{colour}',\\n    '{colour}',\\n    '{colour}',
{colour} = "#{n}"
  color: {colour}
"{tongue}": "{id}", "{tongue}": "{id}"
    '{id}': '{tongue}',\\n    '{id}': '{tongue}',
{tongue} locale file
"{month}", "{month}", "{month}"
        "{month}",\\n        "{month}",
case {month}: return {n};
   -T, --{id} {ID}         {verb} {thing}
   --{id}={ID}   {verb} the {thing}
lsblk -o NAME,FSTYPE,MOUNTPOINT,{ID}
{ID}="{id} {id} -o {ID},{ID},{ID}"
enum {{ {ID}, {ID}, {ID} }};
#define {ID} {n}  /* {verb} {thing} */
typedef struct {id} {{ int {id}; }} {id};
if {id} help {id} 2>/dev/null; then
for {id} in {id} {id} {id}; do
{id}:{id}:{id}:{id}
    state : {verb}
if (!{id}) return {ID}; // {verb} {thing}
""".strip().split("\n")
)

PROGRAMS: Final = """
Redis|Docker|Kubernetes|Kafka|Celery|Nginx|Nginx Ingress|Apache|Tomcat|Jetty|MySQL|MariaDB|PostgreSQL|Postgres|SQLite|MongoDB|CouchDB|Neo4j|Elasticsearch|OpenSearch|
Solr|Lucene|Hadoop|Spark|Flink|Hive|Airflow|Luigi|Prefect|Dagster|Bamboo|Buildkite|Git|Subversion|Mercurial|Bazaar|GitHub|GitLab|Bitbucket|Gerrit|Phabricator|
Prometheus|Grafana|Grafana Loki|Zabbix|Nagios|Datadog|Splunk|Fluentd|Logstash|Kibana|Jaeger|Zipkin|Sentry|Terraform|Pulumi|Ansible|Puppet|Chef|Vagrant|Packer|Consul|Vault|Nomad|
Podman|Buildah|Skopeo|Helm|Istio|Linkerd|Envoy|Traefik|HAProxy|Varnish|Squid|Caddy|Memcached|RabbitMQ|ZeroMQ|Mosquitto|Vim|Neovim|Emacs|Nano|Eclipse|IntelliJ|Atom|Sublime Text|
Idris|Haskell|Glasgow Haskell|Erlang|Elixir|Scala|Clojure|Kotlin|Groovy|Fortran|Cobol|Lisp|Scheme|Prolog|Smalltalk|Javascript|Coffeescript|Typescript|Perl|Raku|Lua|Nim|Zig|Rust|
Swift|Dart|Python|Cython|Jython|Numba|Numpy|Scipy|Pandas|Dask|Polars|Matplotlib|Seaborn|Bokeh|Plotly|Jupyter|Conda|Miniconda|Anaconda|Poetry|Pipenv|Tox|Nox|Pytest|Hypothesis|
Sphinx|Docutils|Django|Flask|Pyramid|Tornado|Twisted|Gevent|Asyncio|Trio|Starlette|Uvicorn|Gunicorn|Jinja|Mako|Scrapy|Selenium|Playwright|Puppeteer|Cypress|Angular|React|Svelte|
Ember|Backbone|Webpack|Rollup|Babel|Gulp|Grunt|Maven|Gradle|Bazel|Buck|Meson|Ninja|Valgrind|Mesa|Vulkan|Wayland|Gnome|Fedora|Debian|Ubuntu|Gentoo|Alpine|Arch Linux|Slackware|
Solaris|Homebrew|MacPorts|Cygwin|Busybox|Systemd|Cron|Bash|Bourne|Korn|Fish|Telnet|Rsync|Samba|Kerberos|Postfix|Dovecot|Exim|Sendmail|Bind|Unbound|Okta|Keycloak|Auth0|Twilio|
Stripe|Paypal|Heroku|Netlify|Vercel|Cloudflare|Fastly|Akamai|Azure|OpenStack|Nova|Cinder|Neutron|Ironic|Barbican|Masakari|Designate|Magnum|Trove|Valkey|Ceph|Gluster|Minio|Lustre|
Tensorflow|Pytorch|Keras|Caffe|Theano|Sklearn|Ollama|Gradio|Streamlit|Qubit|Unicode|Intel|Nvidia|Tesla|Volta|Ampere|Turing|Hopper|Mellanox|Qualcomm|Berkeley DB|Windows|Unix|
Minix|Plan 9|Android|Gecko|Webkit|Chromium|Firefox|Thunderbird|Safari|Opera|Konqueror|Mozilla|Epiphany|Gopher|Usenet|Napster|Confluence|Jira|Trello|Asana|Notion|Figma|Filestore|
Bigtable|Spanner|Firebase|Fargate|Redshift|Kinesis|Glue|Dynamo|Cognito|Sagemaker|Bedrock|Cosmos|Synapse|Databricks|Snowflake|Looker|Tableau|Metabase|
Superset|Presto|Trino|Druid|Pinot|Clickhouse|Timescale|Influx|Kong|Tyk|Apigee|Mulesoft|Camel|Axis|Struts|Hibernate|Spring Boot|Quarkus|Micronaut|Laravel|Symfony|Zend|Joomla|Drupal|
Wordpress|Magento|Moodle|Bugzilla|Mantis|Redmine|Trac|Buildbot|Zuul|Argo|Tekton|Spinnaker|Harbor|Nexus|Artifactory|Sonar|Checkmarx|Snyk|Falco|Wazuh|Snort|Suricata|Zeek
""".replace("\n", "").split("|")

VERBS: Final = _words("""
Return Returns Mark Marks Handler Read Write Open Close Shortcut Normalise Normalize Check Parse Build Make Create Delete Remove Add Insert Update Edit Set
Get Fetch Load Save Store Restore Copy Move Rename Convert Encode Decode Encrypt Decrypt Compress Decompress Decompressing Checking Pack Unpack Split Join
Merge Sort Filter Map Reduce Apply Call Invoke Run Start Stop Restart Reload Pause Resume Wait Poll Send Receive Post Publish Subscribe Push Pull Clone Fork
Commit Rollback Begin End Enter Exit Lock Unlock Acquire Release Allocate Free Reserve Grow Shrink Resize Scale Rotate Draw Paint Render Print Format Dump
Show Hide Display List Iterate Enumerate Count Sum Compare Match Search Find Replace Substitute Validate Verify Assert Ensure Raise Throw Catch Handle Ignore
Skip Retry Retried Abort Cancel Reset Clear Flush Sync Initialise Initialize Setup Teardown Configure Install Uninstall Upgrade Downgrade Deploy Register
Unregister Attach Detach Bind Unbind Connect Disconnect Wrap Unwrap Decorate Override Extend Inherit Implement Emulate Simulate Generate Compute Calculate
Estimate Evaluate Infer Guess Choose Pick Select Toggle Enable Disable Allow Deny Grant Revoke Trace Profile Debug Log Warn Report Notify Record Track Watch
Precheck Prepare Cleanup Sanitize Sanitization Escape Unescape Quote Strip Trim Pad Fill Align Truncate Round Clamp Bitcast Lower Upper Coerce Promote Demote
Semi Mixin Wrapper Factory Helper Singleton Sentinel Named Typed Generic Abstract Base Default Optional Required Deprecated Internal Experimental Callee
Caller Matcher Parser Lexer Scanner Loggers Visitor Iterator Container Vertex Matrix Tensor Affine Subclass Tuple Whether Pass Gunzip Notes Examples
Parameters Yields Raises Attributes References Summary Usage Synopsis Options Price Region Zone Bucket Cluster Shard Replica Snapshot Datastore Bootstep Alert
Status
""")

THINGS: Final = """
connection|connections|result store backend|server|servers|session|sessions|request|response|file|files|path|paths|buffer|value|values|table|tables|row|rows|column|key|keys|task|tasks|job|queue|worker|worker pool|thread|
process|container|containers|image|volume|cluster|cluster status|controller|node|nodes|instance|instances|service|services|configuration|settings|option|options|argument|arguments|parameter|token|header|body|stream|
socket|port|host|address family|interface|module|package|class|object|attribute|method|function|callback|hook|event|signal|message|error|exception|warning|log file|cache|index|offset|size|length|list|dictionary|
string|integer|schema|template|query|cursor|transaction|lock|timer|counter|flag|state|graph|edge|vertex|matrix|vector|parser|token stream|environment|variable|repository|branch|commit|release|version|archive|user name|
password hash|certificate|signature|checksum|driver|device|memory|page|register|interrupt|instruction|command line|command|script|shell functions|installation|deployment|pipeline|artifact|report|metric|metrics|tag|label
""".replace("\n", "").split("|")

EPONYMS: Final = _words("""
algorithm distribution process transform theorem matrix equation method filter function inequality number numbers series space model test tree code problem
approximation derivative polynomial graph
""")
COLOURS: Final = _words("""
Aqua Azure Beige Bisque Black Blue Chartreuse Chocolate Coral Cornsilk Crimson Cyan Fuchsia Gainsboro Gold Goldenrod Gray Green Grey Honeydew Indigo Ivory
Khaki Lavender Lime Linen Magenta Maroon Moccasin Navy Olive Orange Orchid Pink Plum Purple Red Salmon Sienna Silver Snow Tan Teal Thistle Tomato Turquoise
Violet Wheat White Yellow
""")
TONGUES: Final = _words("""
Afrikaans Albanian Amharic Arabic Armenian Azerbaijani Basque Bengali Bosnian Breton Bulgarian Burmese Catalan Croatian Czech Danish Dutch English Estonian
Finnish French Galician Georgian German Greek Gujarati Hebrew Hindi Hungarian Icelandic Indonesian Irish Italian Japanese Kannada Kazakh Khmer Korean Latvian
Lithuanian Macedonian Malay Malayalam Marathi Mongolian Nepali Norwegian Persian Polish Portuguese Punjabi Romanian Russian Serbian Slovak Slovenian Spanish
Swahili Swedish Tamil Telugu Thai Turkish Ukrainian Urdu Vietnamese Welsh Bosanski Català Dansk Deutsch Eesti Español Français Italiano Nederlands Polski
Português Suomi Svenska
""")
MONTHS: Final = _words("""
Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun
""")
MARKS: Final = ("TODO", "FIXME", "NOTE", "XXX", "HACK", "Note", "Warning", "Example", "Step")
"""What comments begin with: data for the sentences below, no notes of ours."""
SYLLABLES: Final = _words("""
get set max min val key idx ptr buf len ctx arn cfg env tmp src dst obj cls arg out in on map str int num err log net sys dev usr lib bin var opt req res url
uri api db sql tbl col row id uid gid pid host port name path file mode type size node edge left right head tail root leaf data meta info time date year user
auth conn sess task job pool lock init exit main test mock stub base core util hook
""")
