#!/usr/bin/env bash
# Holds the server against its own OpenAPI document: schemathesis makes requests from the document, some valid and some not, and
# no answer may be a 5xx or one that the document does not describe. `make contract`.
#
#   tests/contract/run.sh [BINARY]
#
# CONTRACT_SEED repeats a run, CONTRACT_EXAMPLES (120) is how many random requests each operation gets in each phase, and
# CONTRACT_ARGUMENTS are further arguments for schemathesis, such as --include-path /v1/posts.
# Schemathesis comes from PyPI into a folder in the cache. The server works on a temporary data folder and a free port.
set -euo pipefail

binary=${1:-${CARGO_TARGET_DIR:-$HOME/.cache/broadsheet-target}/release/broadsheet}
tools=${XDG_CACHE_HOME:-$HOME/.cache}/broadsheet-contract
wanted=schemathesis==4.32.5
seed=${CONTRACT_SEED:-$((RANDOM * 32768 + RANDOM))}
examples=${CONTRACT_EXAMPLES:-120}

# Left out of schemathesis' checks:
# - positive_data_acceptance: the document cannot say that a code, a cursor, a token or an id must be one that exists;
# - object_level_authorization and max_response_time: there is one caller, and `make bench` measures.
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance
checks+=,response_schema_conformance,negative_data_rejection,missing_required_header,unsupported_method
checks+=,allow_header_conformance,ignored_auth,use_after_free,ensure_resource_availability

for program in curl jq python3; do
    command -v "$program" >/dev/null || { echo "this check needs $program" >&2; exit 1; }
done
[ -x "$binary" ] || { echo "there is no $binary: build it with cargo build --release --locked" >&2; exit 1; }
binary=$(realpath "$binary")

if [ "$(cat "$tools/wanted" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "$wanted"
    echo "$wanted" >"$tools/wanted"
fi

work=$(mktemp -d)
started=()
finish() {
    local code=$? process
    trap - EXIT
    if [ "$code" != 0 ] && [ -e "$work/log" ]; then
        echo "what the server complained about, and the end of its log:"
        grep -v '"level":"INFO"' "$work/log" | tail -n 20 || true
        tail -n 10 "$work/log"
    fi
    for process in "${started[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$work"

# until_it COMMAND…: waits at most a minute for the command to succeed.
until_it() {
    local end=$((SECONDS + 60))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || { echo "this never came true: $*" >&2; exit 1; }
        sleep 0.1
    done
}

# A model that gives no verdict, so that posts wait for a person, and refuses some posts for good, so that there are dead letters.
cat >model.py <<'PYTHON'
import http.server, json

class Model(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        says = {"choices": [{"message": {"role": "assistant", "content": "hm"}, "finish_reason": "stop"}]}
        body = json.dumps({} if b"undeliverable" in asked else says).encode()
        self.send_response(400 if b"undeliverable" in asked else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Model)
print(server.server_port, flush=True)
server.serve_forever()
PYTHON
python3 model.py >model.port 2>model.log &
started+=($!)
until_it test -s model.port

serve() {
    local name
    for name in "${!BROADSHEET_@}" RUST_LOG; do unset "$name"; done
    export BROADSHEET__DATA_DIR=$work/data BROADSHEET__HTTP__LISTEN=127.0.0.1:0 BROADSHEET__HTTP__WORKERS=2
    export BROADSHEET__RATE_LIMIT__ENABLED=false BROADSHEET__MAIL__PER_SECOND=10000 BROADSHEET__SEARCH__WRITER_MEMORY=15MiB
    export BROADSHEET__IDENTITY__ARGON2_MEMORY_KIB=64 BROADSHEET__IDENTITY__ARGON2_ITERATIONS=1
    export BROADSHEET__IDENTITY__BOOTSTRAP_ADMIN_EMAIL=ada@example.com
    export BROADSHEET__MODERATION__PROVIDER=openai BROADSHEET__MODERATION__MODEL=hm
    BROADSHEET__MODERATION__BASE_URL=http://127.0.0.1:$(cat model.port)
    export BROADSHEET__MODERATION__BASE_URL
    exec "$binary" serve
}
serve >printed 2>log &
server=$!
started=("$server" "${started[@]}")
listens() {
    kill -0 "$server" 2>/dev/null || { echo "the server has ended" >&2; exit 1; }
    grep -q '^listening on http://' printed
}
until_it listens
api=$(sed -n 's/^listening on //p' printed)
until_it curl -sf -o /dev/null "$api/readyz"

# ask TOKEN METHOD PATH [BODY]
ask() {
    local body=()
    [ $# -lt 4 ] || body=(-H 'Content-Type: application/json' -d "$4")
    curl -sS --fail-with-body -X "$2" "$api$3" -H "Authorization: Bearer $1" "${body[@]}"
}
identity() { curl -sS --fail-with-body "$api/v1/identity/$1" -H 'Content-Type: application/json' -d "$2"; }
mailed() { grep -ls "^To: .*$1@example.com" data/mail/code.*.eml >"mail.$1"; }
sign_up() {
    local email=$1@example.com code
    identity sign-up "{\"email\":\"$email\",\"password\":\"correct horse $1\",\"handle\":\"$1\",\"name\":\"$1\"}"
    until_it mailed "$1"
    code=$(grep -oE '^[0-9]{6}' "$(tail -n 1 "mail.$1")" | tail -n 1)
    identity confirm "{\"email\":\"$email\",\"code\":\"$code\"}"
}
signed_in() { identity sign-in "{\"email\":\"$1@example.com\",\"password\":\"correct horse $1\"}"; }
# sign_in HANDLE: prints an access token.
sign_in() { signed_in "$1" | jq -r .access_token; }
sign_up ada
sign_up bob
sign_up eve
ada=$(sign_in ada)
ask "$ada" PUT /v1/admin/accounts/bob/roles '{"roles":["moderator"]}' >/dev/null
bob=$(sign_in bob)

# publish TOKEN TITLE [MORE]: prints the post's id.
publish() { ask "$1" POST /v1/posts "{\"title\":\"$2\",\"body\":\"The *$2* post.\",\"tags\":[\"hello\"]${3:-}}" | jq -r .id; }
ask "$bob" PUT /v1/authors/ada/follow
ask "$ada" PUT /v1/authors/bob/follow
posts=()
for number in 1 2 3 4 5 6; do
    posts+=("$(publish "$ada" "first $number")" "$(publish "$bob" "second $number")")
done
posts+=("$(publish "$ada" draft ',"status":"draft"')" "$(publish "$bob" undeliverable)")
publish "$ada" 'undeliverable, too' >/dev/null

# lists PATH COUNT: whether there are so many.
lists() { [ "$(ask "$ada" GET "$1" | jq '.items | length')" -ge "$2" ]; }
until_it lists /v1/admin/dead-letters 2
until_it lists /v1/moderation/queue 6
# reject TOKEN POST
reject() { ask "$1" POST "/v1/moderation/posts/$2/decision" '{"verdict":"rejected","reason":"not today"}' >/dev/null; }
reject "$bob" "${posts[0]}"
reject "$bob" "${posts[2]}"
reject "$ada" "${posts[1]}"
ask "$bob" POST "/v1/posts/${posts[1]}/appeal" '{"text":"but why?"}' >/dev/null
ask "$ada" POST /v1/admin/dead-letters/redrive '{"all":true}' >/dev/null
ended() { ask "$ada" GET /v1/admin/jobs | jq -e 'all(.items[]; .state != "running")' >/dev/null; }
until_it ended
for verb in pause resume; do ask "$ada" POST "/v1/admin/workers/analytics/$verb" >/dev/null; done
until_it lists /v1/admin/dead-letters 2

# What made-up values would hardly meet. Two posts are there to be deleted, and eve to be signed in and out; nobody changes what
# the admin may do.
cursors=()
for place in posts feed authors/ada/posts moderation/queue me/followers admin/audit admin/dead-letters admin/dead-letters/causes; do
    cursors+=("$(ask "$ada" GET "/v1/$place?limit=1" | jq -r '.next_cursor // empty')")
done
tokens=()
for _ in 1 2 3 4 5 6; do tokens+=("$(signed_in eve | jq -r .refresh_token)"); done

dictionary() { printf '[dictionaries.%s]\nvalues = %s\n' "$1" "$(jq -Rnc '[inputs | select(. != "")]')"; }
listed() { ask "$ada" GET "/v1/admin/$1" | jq -r ".items[].$2"; }
bind() { printf '"%s" = { dictionary = "%s", probability = 0.7 }\n' "$1" "$2"; }
operations() { printf '[[operations]]\ninclude-operation-id-regex = "^(%s)$"\n[operations.parameters]\n' "$1"; }
{
    printf '[generation]\ndatabase = "none"\n[checks.negative_data_rejection]\n'
    printf 'expected-statuses = [400, 401, 403, 404, 409, 412, 413, 415, 422]\n'
    printf '%s\n' "${posts[@]}" | dictionary posts
    { publish "$ada" spare && publish "$bob" spare; } | dictionary spare
    printf '%s\n' "${cursors[@]}" | dictionary cursors
    printf '%s\n' "${tokens[@]}" | dictionary tokens
    listed dead-letters id | dictionary letters
    listed dead-letters/causes cause | dictionary causes
    listed jobs id | dictionary jobs
    listed workers name | dictionary workers
    printf '%s\n' ada bob | dictionary handles
    printf '%s\n' bob | dictionary others
    printf '%s\n' carol dave | dictionary newcomers
    printf '%s\n' eve@example.com | dictionary addresses
    printf '%s\n' 'correct horse eve' | dictionary passwords
    printf '%s\n' hello world | dictionary tags
    printf '%s\n' first '"second post"' 'post -first' tag:hello author:bob | dictionary words
    printf '%s\n' 2020-01-31 2100-01-31T12:00:00Z | dictionary times
    printf '%s\n' '"v1"' '"v2"' '"v3"' '*' 'W/"v1"' | dictionary versions
    printf '[parameters]\n'
    for pair in path.handle:handles path.name:workers query.author:handles query.tag:tags query.q:words query.before:times \
        query.after:times query.worker:workers query.post:posts query.cause:causes query.cursor:cursors \
        header.If-Match:versions header.If-None-Match:versions; do
        bind "${pair%:*}" "${pair#*:}"
    done
    operations delete_post && bind path.id spare
    operations get_dead_letter && bind path.id letters
    operations 'get_job|cancel_job' && bind path.id jobs
    operations 'get_post|edit_post|publish_draft|(get|create)_appeal|get_deliveries|get_mailing|get_post_stats|decide' &&
        bind path.id posts
    operations set_roles && bind path.handle others
    operations sign_up && bind body.handle newcomers && bind body.password passwords
    operations 'sign_in|confirm|resend_code' && bind body.email addresses && bind body.password passwords
    operations 'refresh|sign_out' && bind body.refresh_token tokens
} >settings.toml

# The one operation that is left out speaks WebSocket. Signing out is in: it never meets the admin's session.
echo "seed $seed: CONTRACT_SEED=$seed repeats this"
read -ra arguments <<<"${CONTRACT_ARGUMENTS:-}"
"$tools/bin/schemathesis" --config-file settings.toml run "$api/openapi.json" --header "Authorization: Bearer $ada" \
    --checks "$checks" --exclude-operation-id watch --max-examples "$examples" --seed "$seed" --workers 2 \
    --request-timeout 30 --continue-on-failure --max-failures 200 --no-color "${arguments[@]}"
