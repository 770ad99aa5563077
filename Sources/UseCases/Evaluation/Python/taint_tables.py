"""What the taint pass knows of libraries: where untrusted data comes in, what it must not reach
unchecked, and what makes it harmless. Names are those that an import gives."""

import re

# rule: (CWE, what is said of it, severity by reach of the source: web, local, environ)
RULES = {
    "code": ("taint-code", 94, "is run as Python by", ("high", "high", "medium")),
    "shell": ("taint-shell", 78, "is part of a command run by", ("high", "medium", "low")),
    "sql": ("taint-sql", 89, "is part of the SQL text given to", ("high", "medium", "low")),
    "path": ("taint-path", 22, "chooses the file for", ("high", None, None)),
    "load": ("taint-deserialisation", 502, "is unpacked into objects by",
             ("high", "medium", "low")),
    "template": ("taint-template", 1336, "is compiled as a template by",
                 ("high", "medium", "low")),
    "ldap": ("taint-ldap", 90, "is part of the LDAP filter given to", ("high", "medium", "low")),
    "xpath": ("taint-xpath", 643, "is part of the XPath given to", ("high", "medium", "low")),
    "redirect": ("taint-redirect", 601, "chooses where the browser is sent by",
                 ("medium", None, None)),
    "html": ("taint-html", 79, "goes unescaped into", ("high", None, None)),
    "request": ("taint-request", 918, "chooses the address that is asked by",
                ("medium", None, None)),
    "xml": ("taint-xml", 611, "is read with external entities allowed by",
            ("high", "medium", "low")),
    "trust": ("taint-session", 501, "is kept as if trusted in", ("low", None, None)),
}

# Dotted name -> (sink, positions and keywords of the arguments that matter).
SINKS = {}


def _sinks(sink, names, *places):
    for name in names.split():
        SINKS[name] = (sink, places or (0,))


_sinks("code", "eval exec builtins.eval builtins.exec code.interact runpy.run_path")
_sinks("code", "pandas.eval numexpr.evaluate timeit.timeit cProfile.run", 0, "stmt")
_sinks("code", "importlib.import_module __import__")
_sinks("shell", "os.system os.popen subprocess.getoutput subprocess.getstatusoutput pty.spawn "
       "asyncio.create_subprocess_shell commands.getoutput popen2.popen2", 0, "cmd", "command")
_sinks("path", "open io.open codecs.open os.open os.fdopen os.remove os.unlink os.rename os.mkdir "
       "os.makedirs os.rmdir os.removedirs os.listdir os.scandir os.chmod os.chown os.stat "
       "os.truncate os.path.exists os.path.isfile os.path.isdir os.path.getsize os.link os.symlink "
       "os.walk shutil.rmtree tarfile.open zipfile.ZipFile gzip.open bz2.open lzma.open "
       "flask.send_file send_file fastapi.responses.FileResponse "
       "starlette.responses.FileResponse django.http.FileResponse linecache.getline "
       "sqlite3.connect numpy.load numpy.fromfile pandas.read_csv aiofiles.open bottle.static_file",
       0, "file", "path", "filename", "name")
_sinks("path", "shutil.copy shutil.copyfile shutil.copy2 shutil.move shutil.copytree os.replace "
       "os.rename", 0, 1, "src", "dst")
_sinks("load", "pickle.loads pickle.load pickle.Unpickler cPickle.loads _pickle.loads "
       "dill.loads dill.load cloudpickle.loads marshal.loads marshal.load jsonpickle.decode "
       "shelve.open yaml.unsafe_load yaml.full_load yaml.unsafe_load_all joblib.load torch.load "
       "pandas.read_pickle")
_sinks("template", "flask.render_template_string jinja2.Template mako.template.Template "
       "django.template.Template tornado.template.Template bottle.SimpleTemplate "
       "string.Formatter.vformat", 0, "source")
_sinks("xpath", "lxml.etree.XPath lxml.etree.ETXPath xpath.find", 0, "path")
_sinks("xpath", "elementpath.select elementpath.iter_select elementpath.Selector", 1, "path")
_sinks("redirect", "flask.redirect django.shortcuts.redirect django.http.HttpResponseRedirect "
       "django.http.HttpResponsePermanentRedirect fastapi.responses.RedirectResponse "
       "starlette.responses.RedirectResponse bottle.redirect werkzeug.utils.redirect "
       "aiohttp.web.HTTPFound", 0, "location", "url", "redirect_to")
_sinks("html", "markupsafe.Markup flask.Markup django.utils.safestring.mark_safe "
       "django.http.HttpResponse fastapi.responses.HTMLResponse starlette.responses.HTMLResponse",
       0, "content")
_sinks("request", "requests.get requests.post requests.put requests.delete requests.head "
       "requests.patch requests.options urllib.request.urlopen urllib.request.urlretrieve "
       "urllib.request.Request httpx.get httpx.post httpx.put httpx.delete httpx.head "
       "urllib2.urlopen", 0, "url")
_sinks("request", "requests.request httpx.request", 1, "url")
_sinks("sql", "sqlalchemy.text sqlalchemy.sql.text django.db.models.expressions.RawSQL "
       "pandas.read_sql pandas.read_sql_query", 0, "sql", "text")

PROCESSES = frozenset(
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen "
    "asyncio.create_subprocess_exec os.execv os.execve os.execvp os.execl os.execlp os.spawnv "
    "os.spawnl os.posix_spawn".split())
SHELLS = frozenset("sh bash dash zsh ksh cmd cmd.exe powershell pwsh powershell.exe".split())
YAML_LOADS = frozenset(["yaml.load", "yaml.load_all"])
SAFE_LOADERS = frozenset("SafeLoader CSafeLoader BaseLoader CBaseLoader".split())

# Methods of things whose make is not known.
METHOD_SINKS = {
    "execute": ("sql", (0, "sql", "query", "statement")),
    "executemany": ("sql", (0,)),
    "executescript": ("sql", (0,)),
    "raw": ("sql", (0,)),
    "extra": ("sql", ("where", "select")),
    "xpath": ("xpath", (0,)),
    "search_s": ("ldap", (2, "filterstr")),
    "search_ext": ("ldap", (2, "filterstr")),
    "search_ext_s": ("ldap", (2, "filterstr")),
    "search_st": ("ldap", (2, "filterstr")),
    "exec_command": ("shell", (0,)),
    "from_string": ("template", (0, "source")),
}
PATH_METHODS = frozenset(
    "open read_text read_bytes write_text write_bytes unlink exists is_file is_dir iterdir mkdir "
    "rmdir touch rename replace stat glob rglob chmod symlink_to".split())
PATH_MAKERS = frozenset(
    "pathlib.Path pathlib.PosixPath pathlib.PurePath pathlib.WindowsPath anyio.Path".split())

XML_READERS = {
    "xml.dom.minidom.parseString": 1, "xml.dom.minidom.parse": 1, "xml.sax.parseString": 1,
    "xml.dom.pulldom.parseString": 1, "xml.dom.pulldom.parse": 1, "lxml.etree.fromstring": 1,
    "lxml.etree.parse": 1, "lxml.etree.XML": 1, "xml.sax.parse": 1,
}

# Requests of the frameworks, as imported names and as annotations of parameters.
REQUEST_NAMES = frozenset(
    "flask.request bottle.request quart.request sanic.request.Request cherrypy.request "
    "django.http.HttpRequest fastapi.Request starlette.requests.Request aiohttp.web.Request "
    "flask.Request werkzeug.Request werkzeug.wrappers.Request".split())
# What is made of a request by a name like these is asked as a request is.
WRAPPERS = re.compile(r"request|wrap", re.I)
# What of a request is not the client's to choose.
REQUEST_TRUSTED = frozenset(
    "method endpoint user session app is_secure scheme secure blueprint url_rule resolver_match "
    "remote_addr content_length auth state client is_json".split())

LOCAL_SOURCES = {
    "input": "input()", "builtins.input": "input()", "raw_input": "input()",
    "sys.stdin.read": "standard input", "sys.stdin.readline": "standard input",
    "sys.stdin.readlines": "standard input", "getpass.getpass": "getpass()",
}
LOCAL_NAMES = {"sys.argv": "sys.argv", "sys.stdin": "standard input"}
ENVIRON_NAMES = {"os.environ": "os.environ", "os.environb": "os.environ"}
ENVIRON_SOURCES = {"os.getenv": "os.getenv()"}
PARSED_ARGUMENTS = frozenset(["argparse.ArgumentParser", "optparse.OptionParser"])

# What comes out is a number, a truth or otherwise nothing that can harm.
CLEAN_CALLS = frozenset(
    "int float bool len ord hash id abs round complex isinstance issubclass callable sum divmod "
    "range any all type uuid.UUID datetime.datetime.strptime datetime.date.fromisoformat "
    "datetime.datetime.fromisoformat decimal.Decimal ipaddress.ip_address hmac.compare_digest "
    "time.strptime os.path.isabs enumerate.index".split())
CLEAN_METHODS = frozenset(
    "digest hexdigest isdigit isalpha isalnum isnumeric isdecimal isidentifier startswith endswith "
    "find rfind index rindex count islower isupper exists is_file is_dir fileno".split())
# What comes out of these holds no text that the client chose where a page would show it.
NO_PAGE = frozenset(
    "flask.jsonify jsonify json.dumps flask.render_template render_template flask.redirect "
    "flask.send_file flask.url_for django.shortcuts.render django.http.JsonResponse "
    "flask.send_from_directory flask.abort orjson.dumps django.shortcuts.redirect "
    "bottle.template starlette.responses.JSONResponse fastapi.responses.JSONResponse".split())

HTML = frozenset(["html"])
MARKUP = frozenset(["html", "xpath", "sql"])  # quotes are escaped as well
SANITISERS = {
    "html.escape": MARKUP, "cgi.escape": HTML, "markupsafe.escape": MARKUP,
    "flask.escape": MARKUP, "django.utils.html.escape": MARKUP, "bleach.clean": HTML,
    "xml.sax.saxutils.escape": HTML, "xml.sax.saxutils.quoteattr": MARKUP,
    "nh3.clean": HTML, "tornado.escape.xhtml_escape": MARKUP,
    "shlex.quote": frozenset(["shell"]), "pipes.quote": frozenset(["shell"]),
    "werkzeug.utils.secure_filename": frozenset(["path", "shell", "html"]),
    "os.path.basename": frozenset(["path"]), "ntpath.basename": frozenset(["path"]),
    "werkzeug.security.safe_join": frozenset(["path"]), "flask.safe_join": frozenset(["path"]),
    "ldap.filter.escape_filter_chars": frozenset(["ldap"]),
    "ldap3.utils.conv.escape_filter_chars": frozenset(["ldap"]),
    "ldap.dn.escape_dn_chars": frozenset(["ldap"]),
    "urllib.parse.quote": frozenset(["html", "sql", "xpath", "ldap", "shell"]),
    "urllib.parse.quote_plus": frozenset(["html", "sql", "xpath", "ldap", "shell", "path"]),
    "urllib.parse.urlencode": frozenset(["html", "sql", "xpath", "ldap", "shell", "path"]),
    "re.escape": frozenset(),
    "ast.literal_eval": frozenset(["code"]),
    "psycopg2.sql.Identifier": frozenset(["sql"]), "psycopg2.sql.Literal": frozenset(["sql"]),
}
NORMALISERS = frozenset(["os.path.realpath", "os.path.abspath", "os.path.normpath"])
UNDOING = frozenset(
    "urllib.parse.unquote urllib.parse.unquote_plus html.unescape xml.sax.saxutils.unescape"
    .split())
URL_PARSERS = frozenset(["urllib.parse.urlparse", "urllib.parse.urlsplit", "urlparse.urlparse"])
HOST_PARTS = frozenset(["netloc", "hostname"])

_NAMED = (
    (re.compile(r"(escape|encode|sanit|clean|strip).*(html|xss|markup|tags)|html_?escape", re.I),
     HTML),
    (re.compile(r"(escape|encode|sanit|quote).*sql", re.I), frozenset(["sql"])),
    (re.compile(r"(escape|encode|sanit).*ldap", re.I), frozenset(["ldap"])),
    (re.compile(r"(escape|encode|sanit).*xpath", re.I), frozenset(["xpath"])),
    (re.compile(r"(escape|sanit|quote|clean).*(shell|cmd|command|arg)", re.I),
     frozenset(["shell"])),
    (re.compile(r"(sanit|secure|clean|safe).*(path|file|name)", re.I), frozenset(["path"])),
    (re.compile(r"^_*sanit", re.I), frozenset(["html", "path", "sql", "shell", "ldap", "xpath"])),
)


def named_sanitiser(name):
    """What a function makes harmless, to judge by its name; `None` where the name says nothing."""
    last = name.rsplit(".", 1)[-1]
    for pattern, sinks in _NAMED:
        if pattern.search(last):
            return sinks
    return None


# Methods that look something up: what they find is not what they were asked by.
LOOKUPS = re.compile(
    r"^(get|find|first|last|filter|filter_by|query|fetch\w*|lookup|exists|one|all|scalar\w*|select"
    r"|count|has|load_\w+|get_\w+|find_\w+|login|authenticate|check\w*|verify\w*|is_\w+)$")

ROUTES = frozenset(
    "route get post put delete patch head options websocket api_route view_config expose".split())
JSON_FRAMEWORKS = ("fastapi", "starlette", "litestar", "flask_restful", "rest_framework")
VIEW_BASES = re.compile(r"(View|Resource|RequestHandler|MethodView|HTTPEndpoint|Handler)$")
VIEW_METHODS = frozenset("get post put delete patch head options dispatch do_GET do_POST do_PUT "
                         "do_DELETE do_HEAD".split())
HANDLER_SOURCES = frozenset("path rfile headers requestline".split())
HANDLER_CALLS = frozenset(
    "get_argument get_arguments get_query_argument get_body_argument get_cookie".split())

WEAK_HASHES = frozenset("md5 sha1 md4 md2 ripemd160 md5-sha1".split())
HASHES = {"hashlib.md5": "md5", "hashlib.sha1": "sha1",
          "Crypto.Hash.MD5.new": "md5", "Crypto.Hash.SHA1.new": "sha1"}
WEAK_NUMBERS = re.compile(
    r"^random\.(random|randint|randrange|choice|choices|sample|shuffle|uniform|getrandbits"
    r"|randbytes|\w+variate|gauss|triangular)$|^uuid\.uuid1$|^numpy\.random\.\w+$")
SECRET_NAMES = re.compile(
    r"session|token|secret|passw|pwd|nonce|salt|otp|csrf|auth|api_?key|private_?key|cookie"
    r"|reset_?code|remember", re.I)
