"""The Hub's HTTP interface on this machine, as far as publishing and loading a model use it, with faults to order.

    with HubStandIn() as hub:
        hub.fail("commit", 503, times=2)  # the first two commits
        hub.connect(monkeypatch)  # huggingface_hub of this process talks to it
        environment = hub.environment(home)  # so does that of a process with these variables

Repositories live in memory, commit by commit. The paths, headers and answers are those that huggingface_hub's client
uses (`hf_api.py`, `_commit_api.py`, `lfs.py`, `file_download.py`). The client's own storage protocol, Xet, needs
servers beyond the Hub: `environment` turns it off, and large files travel by Git LFS, which the Hub serves as well.
"""

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

USER, TOKEN = "me", "hf_standInSecret0123456789"
# What .gitattributes gives to LFS.
LARGE_FILES = (".safetensors", ".wav", ".flac")
FAULTS = ("drop", "lost", "stall", "truncate")


class Refusal(Exception):
    """An answer that is an error: status, message, and the Hub's code for it."""

    def __init__(self, status: int, message: str, code: str | None = None, **content):
        self.status, self.message, self.code, self.content = status, message, code, content


@dataclass
class Commit:
    oid: str
    message: str
    files: dict[str, bytes]


@dataclass
class Repository:
    private: bool = False
    # Of main, oldest first.
    commits: list[Commit] = field(default_factory=list)
    # LFS: content by SHA-256.
    objects: dict[str, bytes] = field(default_factory=dict)

    def add(self, message: str, files: dict[str, bytes]) -> Commit:
        oid = hashlib.sha1(f"{len(self.commits)} {message}".encode()).hexdigest()
        self.commits.append(Commit(oid, message, files))
        return self.commits[-1]

    def at(self, revision: str) -> Commit:
        found = [commit for commit in self.commits if commit.oid == revision]
        if revision == "main":
            found = self.commits
        if not found:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return found[-1]


@dataclass
class Fault:
    call: str
    how: int | str
    first: int
    times: int | None


@dataclass
class Answer:
    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, content, **headers) -> "Answer":
        return cls(json.dumps(content).encode(), headers={"Content-Type": "application/json", **headers})


def is_large(path: str) -> bool:
    return path.endswith(LARGE_FILES)


def identity(path: str, content: bytes) -> str:
    """What the Hub knows a file's content by: SHA-256 of LFS files, Git's hash of others."""
    if is_large(path):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class HubStandIn:
    """The server; `requests` lists the calls it got by name, `repositories` holds what it keeps by id.

    Args:
        part_size: larger LFS files are asked for in parts of so many bytes.
    """

    def __init__(self, part_size: int | None = None):
        self.part_size = part_size
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        self.faults: list[Fault] = []
        self.counts: Counter = Counter()
        self.parts: dict[str, dict[int, bytes]] = {}
        self.lock, self.closing = threading.RLock(), threading.Event()

    def __enter__(self) -> "HubStandIn":
        handler = type("Handler", (_Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *error) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def environment(self, home: Path, token: str | None = TOKEN) -> dict[str, str]:
        """Variables for a fresh process: this Hub, an empty cache, plain LFS, short waits."""
        variables = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_ETAG_TIMEOUT": "2",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        }
        return variables | ({"HF_TOKEN": token} if token else {})

    def connect(self, monkeypatch) -> list[float]:
        """Makes the client of this process talk to this Hub, without waiting; returns the list of its waits."""
        from huggingface_hub import close_session, constants

        # Of the Hub of another test.
        close_session()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "ENDPOINT", self.endpoint)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        waits: list[float] = []
        monkeypatch.setattr("time.sleep", waits.append)
        return waits

    def fail(self, call: str, how: int | str, first: int = 1, times: int | None = None) -> None:
        """From the `first` call of that name on from now, `times` of them (None: all) go wrong.

        Args:
            how: a status; `drop` breaks the connection before anything is done, `lost` after it, `stall` never
                answers, `truncate` does what was asked and sends half the answer.
        """
        assert isinstance(how, int) or how in FAULTS
        with self.lock:
            self.faults.append(Fault(call, how, self.counts[call] + first, times))

    def heal(self) -> None:
        self.faults.clear()

    def fault(self, call: str) -> int | str | None:
        with self.lock:
            self.counts[call] += 1
            self.requests.append(call)
            for fault in self.faults:
                past = self.counts[call] - fault.first
                if fault.call == call and past >= 0 and (fault.times is None or past < fault.times):
                    return fault.how
        return None

    # ---- what each call does; the names are those that `fail` takes ------------------------------------------------

    def readable(self, repo: str, authenticated: bool) -> Repository:
        repository = self.repositories.get(repo)
        if repository is None or (repository.private and not authenticated):
            raise Refusal(404 if authenticated else 401, "Repository not found", "RepoNotFound")
        return repository

    def whoami(self, request) -> Answer:
        return Answer.of({"name": USER, "type": "user", "orgs": [], "auth": {"accessToken": {"role": "write"}}})

    def create(self, request) -> Answer:
        content = request.json()
        repo = f"{content.get('organization') or USER}/{content['name']}"
        url = {"url": f"{self.endpoint}/{repo}", "name": repo}
        if not repo.startswith(f"{USER}/"):
            raise Refusal(403, f"You don't have the rights to create a model under the namespace of {repo}")
        if repo in self.repositories:
            raise Refusal(409, "You already created this model repo", **url)
        self.repositories[repo] = Repository(private=content.get("visibility") == "private")
        attributes = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LARGE_FILES)
        self.repositories[repo].add("initial commit", {".gitattributes": attributes.encode()})
        return Answer.of(url)

    def validate(self, request) -> Answer:
        """The card's metadata, by the rules of the Hub's documentation that do not need the Hub."""
        found = re.match(r"---\n(.*?)\n---\n", request.json()["content"], re.S)
        metadata, errors = yaml.safe_load(found[1]) if found else {}, []
        languages = metadata.get("language") or []
        for code in [languages] if isinstance(languages, str) else languages:
            if not re.fullmatch(r"[a-z]{2,3}|code|multilingual", code):
                errors.append({"message": f'"language" {code} is not ISO 639'})
        for name in ("license", "pipeline_tag", "library_name"):
            if not isinstance(metadata.get(name, ""), str):
                errors.append({"message": f'"{name}" must be a string'})
        for entry in metadata.get("model-index") or []:
            if not entry.get("name") or not all({"task", "metrics"} <= result.keys() for result in entry["results"]):
                errors.append({"message": '"model-index" needs a name, and a task and metrics of each result'})
        answer = Answer.of({"errors": errors, "warnings": []})
        answer.status = 400 if errors else 200
        return answer

    def info(self, request, repo: str, revision: str = "main") -> Answer:
        repository = self.readable(repo, request.authenticated)
        commit = repository.at(revision)
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        found = re.match(rb"---\n(.*?)\n---\n", commit.files.get("README.md", b""), re.S)
        card = yaml.safe_load(found[1]) if found else {}
        described = {name: card[name] for name in ("pipeline_tag", "library_name", "tags") if name in card}
        content = {"_id": repo, "id": repo, "sha": commit.oid, "private": repository.private, "siblings": siblings}
        return Answer.of(content | described | {"cardData": card})

    def tree(self, request, repo: str, revision: str, folder: str = "") -> Answer:
        files = self.readable(repo, request.authenticated).at(revision).files
        recursive, entries = request.query.get("recursive", ["false"])[0].lower() == "true", {}
        prefix = f"{folder}/" if folder else ""
        for path, content in sorted(files.items()):
            if not path.startswith(prefix):
                continue
            first, *below = path[len(prefix) :].split("/")
            if below:
                entries[prefix + first] = {"type": "directory", "path": prefix + first, "oid": "0" * 40, "size": 0}
            if not below or recursive:
                entry = {"type": "file", "path": path, "oid": identity(path, content)[:40], "size": len(content)}
                if is_large(path):
                    entry["lfs"] = {"oid": identity(path, content), "size": len(content), "pointerSize": 130}
                entries[path] = entry
        if folder and not entries:
            raise Refusal(404, f"{folder} does not exist on {revision}", "EntryNotFound")
        return Answer.of(list(entries.values()))

    def refs(self, request, repo: str) -> Answer:
        commit = self.readable(repo, request.authenticated).at("main")
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": commit.oid}
        return Answer.of({"branches": [main], "tags": [], "converts": []})

    def preupload(self, request, repo: str, revision: str) -> Answer:
        files = self.readable(repo, request.authenticated).at(revision).files
        answers = []
        for file in request.json()["files"]:
            path = file["path"]
            answer = {"path": path, "uploadMode": "lfs" if is_large(path) else "regular", "shouldIgnore": False}
            if path in files:
                answer["oid"] = identity(path, files[path])
            answers.append(answer)
        return Answer.of({"files": answers})

    def batch(self, request, repo: str) -> Answer:
        repository, objects = self.readable(repo, request.authenticated), []
        for entry in request.json()["objects"]:
            oid, size = entry["oid"], entry["size"]
            answer = {"oid": oid, "size": size}
            if oid not in repository.objects:
                upload = {"href": f"{self.endpoint}/lfs/{repo}/{oid}", "header": {}}
                if self.part_size and size > self.part_size:
                    numbers = range(1, -(-size // self.part_size) + 1)
                    upload["header"] = {str(n): f"{upload['href']}?part={n}" for n in numbers}
                    upload["header"]["chunk_size"] = str(self.part_size)
                    upload["href"] = f"{self.endpoint}/lfs-complete/{repo}/{oid}"
                verify = {"href": f"{self.endpoint}/lfs-verify/{repo}/{oid}"}
                answer["actions"] = {"upload": upload, "verify": verify}
            objects.append(answer)
        return Answer.of({"objects": objects, "transfer": "basic"})

    def upload(self, request, repo: str, oid: str) -> Answer:
        """Storage, which is no part of the Hub: the address itself is the permission."""
        if "part" in request.query:
            self.parts.setdefault(oid, {})[int(request.query["part"][0])] = request.body
            return Answer(headers={"ETag": hashlib.md5(request.body).hexdigest()})
        if hashlib.sha256(request.body).hexdigest() != oid:
            raise Refusal(400, "The content is not that of the object")
        self.repositories[repo].objects[oid] = request.body
        return Answer()

    def complete(self, request, repo: str, oid: str) -> Answer:
        parts = self.parts.get(oid, {})
        content = b"".join(parts[entry["partNumber"]] for entry in request.json()["parts"])
        if hashlib.sha256(content).hexdigest() != oid:
            raise Refusal(400, "The parts are not those of the object")
        self.repositories[repo].objects[oid] = content
        return Answer.of({})

    def verify(self, request, repo: str, oid: str) -> Answer:
        if len(self.repositories[repo].objects.get(oid, b"")) != request.json()["size"]:
            raise Refusal(422, "The object is not there")
        return Answer.of({})

    def commit(self, request, repo: str, revision: str) -> Answer:
        repository = self.readable(repo, request.authenticated)
        lines = [json.loads(line) for line in request.body.splitlines() if line.strip()]
        header = lines[0]["value"]
        head = repository.at(revision)
        if header.get("parentCommit", head.oid) != head.oid:
            raise Refusal(412, "A commit has happened since. Please refresh and try again.")
        files = dict(head.files)
        for line in lines[1:]:
            kind, value = line["key"], line["value"]
            path = value["path"]
            if kind == "file":
                files[path] = base64.b64decode(value["content"])
            elif kind == "lfsFile":
                if value["oid"] not in repository.objects:
                    raise Refusal(400, f"LFS pointer of {path} points to an object that is not there")
                files[path] = repository.objects[value["oid"]]
            elif kind == "deletedFile":
                if files.pop(path, None) is None:
                    raise Refusal(404, "A file with this name doesn't exist", "EntryNotFound")
        made = repository.add(header["summary"], files)
        url = f"{self.endpoint}/{repo}/commit/{made.oid}"
        return Answer.of({"success": True, "commitOid": made.oid, "commitUrl": url, "hookOutput": ""})

    def resolve(self, request, repo: str, revision: str, path: str) -> Answer:
        commit = self.readable(repo, request.authenticated).at(revision)
        headers = {"X-Repo-Commit": commit.oid}
        if path not in commit.files:
            raise Refusal(404, "Entry not found", "EntryNotFound", headers=headers)
        content = commit.files[path]
        headers |= {"ETag": f'"{identity(path, content)}"', "Content-Type": "application/octet-stream"}
        asked = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if not asked:
            return Answer(content, headers=headers)
        start = int(asked[1])
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return Answer(content[start:], 206, headers)

    download = resolve


REPO, REVISION = r"(?P<repo>[^/]+/[^/]+)", r"(?P<revision>[^/]+)"
ROUTES = [  # method, path, call
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("GET", rf"/api/models/{REPO}", "info"),
    ("GET", rf"/api/models/{REPO}/revision/{REVISION}", "info"),
    ("GET", rf"/api/models/{REPO}/tree/{REVISION}(?:/(?P<folder>.+))?", "tree"),
    ("GET", rf"/api/models/{REPO}/refs", "refs"),
    ("POST", rf"/api/models/{REPO}/preupload/{REVISION}", "preupload"),
    ("POST", rf"/api/models/{REPO}/commit/{REVISION}", "commit"),
    ("POST", rf"/{REPO}\.git/info/lfs/objects/batch", "batch"),
    ("PUT", rf"/lfs/{REPO}/(?P<oid>\w+)", "upload"),
    ("POST", rf"/lfs-complete/{REPO}/(?P<oid>\w+)", "complete"),
    ("POST", rf"/lfs-verify/{REPO}/(?P<oid>\w+)", "verify"),
    ("HEAD", rf"/{REPO}/resolve/{REVISION}/(?P<path>.+)", "resolve"),
    ("GET", rf"/{REPO}/resolve/{REVISION}/(?P<path>.+)", "download"),
]
# That need no token.
OPEN_CALLS = {"info", "tree", "refs", "resolve", "download", "upload", "complete", "validate"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer in one go, or each takes the 40 ms of a delayed receipt.
    wbufsize, disable_nagle_algorithm = -1, True
    hub: HubStandIn

    def log_message(self, *arguments) -> None:
        pass

    def json(self):
        return json.loads(self.body)

    def do_GET(self) -> None:
        self.body, address = self._read_body(), urlsplit(self.path)
        self.query = parse_qs(address.query)
        self.authenticated = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        for method, pattern, call in ROUTES:
            found = re.fullmatch(pattern, address.path)
            if found and self.command == method:
                parts = {name: unquote(value) for name, value in found.groupdict().items() if value is not None}
                return self._answer(call, parts)
        self.hub.requests.append(f"{self.command} {address.path}")
        self._send(Answer(b"{}", 404))

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self, call: str, parts: dict[str, str]) -> None:
        fault = self.hub.fault(call)
        if fault == "stall":
            self.hub.closing.wait(60)
        if fault in ("stall", "drop"):
            self.close_connection = True
            return
        try:
            if isinstance(fault, int):
                raise Refusal(fault, "as ordered")
            wrong = self.headers.get("Authorization") and not self.authenticated
            if wrong or (call not in OPEN_CALLS and not self.authenticated):
                raise Refusal(401, "Invalid credentials in Authorization header" if wrong else "Log in first")
            with self.hub.lock:
                answer = getattr(self.hub, call)(self, **parts)
        except Refusal as refusal:
            headers = {"X-Error-Message": refusal.message} | refusal.content.pop("headers", {})
            headers |= {"X-Error-Code": refusal.code} if refusal.code else {}
            body = json.dumps({"error": refusal.message, **refusal.content}).encode()
            answer = Answer(body, refusal.status, headers)
        if fault == "lost":
            self.close_connection = True
            return
        self._send(answer, truncated=fault == "truncate")

    def _send(self, answer: Answer, truncated: bool = False) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if truncated:
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if truncated else answer.body)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)
