/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bolt `http`: requests to a server, a webhook say. A tuple is acked when its request was answered with a status
 * from 200 to 299. What other answers mean:
 *
 *     408, 425, 429, 500 and above     the server is away: tried again with back-off, not before it says (Retry-After)
 *     401, 403, 407                    the topology ends: no later attempt would end otherwise
 *     300 to 399                       likewise, where all tuples go to one address: it is another one now
 *     others                           the request is refused; of a batch the refused tuples are found by halves
 *
 * A certificate that is not trusted, or is another host's, ends the topology, too.
 */
#include <curl/curl.h>
#include <errno.h>
#include <squall-kit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARRAY, LINES, SINGLE };
enum { SECRET_MAX = 4096, ANSWER_MS = 10000, SAID_MAX = 160, URL_MAX = 1024, RETRY_AFTER_S = 300 };

struct http {
        struct sq_sink sink;
        const char *url, *token, *key, *ca;
        int64_t body;
        struct sq_encoding encoding;
        struct sq_list headers;

        char secret[SECRET_MAX], said[SAID_MAX]; /* said: the begin of the answer */
        char why[CURL_ERROR_SIZE];
        size_t saidn;
        uint64_t not_before_ns; /* it has asked for as long a rest */
        CURL *curl;
        struct curl_slist *list;
        struct sq_encoder text, once;
};

static void
declare(struct sq_declaration *decl)
{
        const struct http *self = sq_declared_state(decl);
        struct sq_url at;
        const char *wrong = sq_url_read(self->url, &at);

        if (wrong || (strcmp(at.scheme, "http") != 0 && strcmp(at.scheme, "https") != 0))
                sq_declare_error(decl, "url", "%s", wrong ? wrong : "is not http://HOST:PORT/PATH or https://...");
        if (!wrong && strcmp(at.scheme, "http") == 0)
                sq_declare_unused(decl, "ca", "without https://");
        if (strchr(self->url, '{'))
                sq_template_declare(self->url, decl, "url");
        if (strchr(self->url, '{') && self->body != SINGLE)
                sq_declare_error(decl, "url", "with fields it is that of one tuple: set `body: single`");
        if (self->body == ARRAY && self->encoding.format != SQ_FORMAT_JSON)
                sq_declare_error(decl, "format", "an array is of JSON: set `body: lines` or `body: single`");
        if (self->key && self->body != SINGLE)
                sq_declare_error(decl, "key", "names a request of one tuple: set `body: single`");
        if (self->key)
                sq_template_declare(self->key, decl, "key");
        sq_encoding_declare(&self->encoding, NULL, decl);
        sq_secret_declare(self->token, decl, "token");
        sq_sink_declare(&self->sink, decl);
}

/* Nothing but the name of the certificates' file is needed to trust them. */
static void
set_trust(CURL *curl, const char *ca, char *why)
{
        why[0] = '\0';
        curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
        if (ca)
                curl_easy_setopt(curl, CURLOPT_CAINFO, ca);
}

static const char *
reason(CURLcode code, const char *why)
{
        return why[0] ? why : curl_easy_strerror(code);
}

static void
probe(struct sq_declaration *decl)
{
        const struct http *self = sq_declared_state(decl);
        char secret[SECRET_MAX], url[URL_MAX], why[CURL_ERROR_SIZE];
        CURL *curl;
        CURLcode code;

        if (!sq_secret_probe(decl, "token", self->token, secret, sizeof(secret)))
                return;
        explicit_bzero(secret, sizeof(secret));
        curl = curl_easy_init();
        snprintf(url, sizeof(url), "%.*s", (int)strcspn(self->url, "{"), self->url);
        curl_easy_setopt(curl, CURLOPT_URL, url);
        set_trust(curl, self->ca, why);
        curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L); /* TLS, too, but no request */
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)ANSWER_MS);
        code = curl_easy_perform(curl);
        if (code != CURLE_OK)
                sq_declare_error(decl, "url", "%s: %s", self->url, reason(code, why));
        curl_easy_cleanup(curl);
}

/* ---- Requests ---------------------------------------------------------------------------------------- */

static size_t
take_answer(char *bytes, size_t one, size_t n, void *context)
{
        struct http *self = context;
        size_t room = sizeof(self->said) - 1 - self->saidn, some = one * n < room ? one * n : room;

        memcpy(self->said + self->saidn, bytes, some);
        self->saidn += some;
        self->said[self->saidn] = '\0';
        return one * n;
}

/* Called about once a second: whether the request is to be given up. */
static int
look(void *task, curl_off_t to_read, curl_off_t read, curl_off_t to_write, curl_off_t written)
{
        (void)to_read;
        (void)read;
        (void)to_write;
        (void)written;
        return sq_leaving(task);
}

/* The body for `n` records. 0 or -ENOMEM. */
static int
write_body(struct http *self, size_t first, size_t n)
{
        struct sq_encoder *text = &self->text;
        const char *behind = self->encoding.format == SQ_FORMAT_MSGPACK ? "" : "\n"; /* each line */
        struct sq_value open = sq_text("["), between = sq_text(self->body == ARRAY ? "," : behind),
                        close = sq_text("]");
        struct sq_record record;
        int r = 0;

        text->len = 0;
        if (self->body == ARRAY)
                r = sq_encode_values(text, 1, NULL, &open);
        for (size_t i = 0; r == 0 && i < n; i++) {
                sq_sink_record(&self->sink, first + i, &record);
                if (i > 0)
                        r = sq_encode_values(text, 1, NULL, &between);
                if (r == 0)
                        r = sq_record_write(&record, NULL, &self->encoding, text);
        }
        if (r == 0 && self->body != SINGLE)
                r = sq_encode_values(text, 1, NULL, self->body == ARRAY ? &close : &between);
        return r;
}

/* The headers of this request in front of those of all. NULL: no memory. */
static struct curl_slist *
name_request(struct http *self, size_t first)
{
        static const char name[] = "Idempotency-Key: ";
        struct sq_value head = sq_text(name), end = sq_str((struct sq_str){"", 1});
        struct sq_record record;
        struct curl_slist *list;

        if (!self->key)
                return self->list;
        sq_sink_record(&self->sink, first, &record);
        self->once.len = 0;
        if (sq_encode_values(&self->once, 1, NULL, &head) < 0 ||
            sq_template_write(self->key, &record, &self->once) < 0 || sq_encode_values(&self->once, 1, NULL, &end) < 0)
                return NULL;
        for (size_t i = 0; i + 1 < self->once.len; i++)
                if ((unsigned char)self->once.bytes[i] < ' ')
                        self->once.bytes[i] = '_';
        list = curl_slist_append(NULL, self->once.bytes);
        if (list)
                list->next = self->list;
        return list;
}

static void
unname_request(struct http *self, struct curl_slist *list)
{
        if (list == self->list || !list)
                return;
        list->next = NULL;
        curl_slist_free_all(list);
}

/* All go to another address, which somebody has to look at: a POST does not follow by itself. */
static int
moved(struct sq_task *task, const struct http *self, long status)
{
        char *where = NULL;

        curl_easy_getinfo(self->curl, CURLINFO_REDIRECT_URL, &where);
        (void)sq_error_final(task, "%s: status %ld: it has moved%s%.200s (set `url`)", self->url, status,
                             where ? " to " : "", where ? where : "");
        return -EACCES;
}

static void
note_rest(struct sq_task *task, struct http *self)
{
        curl_off_t seconds = 0;

        curl_easy_getinfo(self->curl, CURLINFO_RETRY_AFTER, &seconds);
        if (seconds > RETRY_AFTER_S)
                seconds = RETRY_AFTER_S;
        if (seconds > 0)
                self->not_before_ns = sq_now(task) + (uint64_t)seconds * 1000000000u;
}

/* What an answer means: see above. */
static int
judge(struct sq_task *task, struct http *self, long status)
{
        self->said[strcspn(self->said, "\r\n")] = '\0';
        snprintf(self->sink.why, sizeof(self->sink.why), "status %ld%s%s", status, self->saidn ? ": " : "", self->said);
        if (status >= 200 && status < 300)
                return 0;
        if (status >= 300 && status < 400 && !strchr(self->url, '{'))
                return moved(task, self, status);
        if (status == 408 || status == 425 || status == 429 || status >= 500) {
                note_rest(task, self);
                return -EAGAIN;
        }
        if (status != 401 && status != 403 && status != 407)
                return -EBADMSG;
        (void)sq_error_final(task, "%s: %s", self->url, self->sink.why);
        return -EACCES;
}

/* Of this request, where it has fields. 0; -EBADMSG: its tuple does not make one; or -ENOMEM. */
static int
set_url(struct http *self, size_t first)
{
        struct sq_value end = sq_str((struct sq_str){"", 1});
        struct sq_record record;

        if (!strchr(self->url, '{'))
                return 0;
        sq_sink_record(&self->sink, first, &record);
        self->once.len = 0;
        if (sq_template_write(self->url, &record, &self->once) < 0 || sq_encode_values(&self->once, 1, NULL, &end) < 0)
                return -ENOMEM;
        if (strlen(self->once.bytes) + 1 < self->once.len)
                return -EBADMSG;
        return curl_easy_setopt(self->curl, CURLOPT_URL, self->once.bytes) == CURLE_OK ? 0 : -ENOMEM; /* is copied */
}

/* What the fields of a tuple have made of the URL is wrong whenever it is tried. */
static bool
is_wrong_url(const struct http *self, CURLcode code)
{
        return code == CURLE_URL_MALFORMAT && strchr(self->url, '{');
}

/* No request got an answer. -EAGAIN, -EBADMSG or -EACCES. */
static int
unanswered(struct sq_task *task, struct http *self, CURLcode code)
{
        snprintf(self->sink.why, sizeof(self->sink.why), "%s", reason(code, self->why));
        if (is_wrong_url(self, code))
                return -EBADMSG;
        if (code != CURLE_PEER_FAILED_VERIFICATION && code != CURLE_SSL_CACERT_BADFILE)
                return -EAGAIN;
        (void)sq_error_final(task, "%s: %s", self->url, self->sink.why);
        return -EACCES;
}

static int
request(struct sq_task *task, struct http *self, size_t first, size_t n)
{
        int r = set_url(self, first);
        struct curl_slist *list = r < 0 || write_body(self, first, n) < 0 ? NULL : name_request(self, first);
        CURLcode code = r == -EBADMSG ? CURLE_URL_MALFORMAT : CURLE_OUT_OF_MEMORY;
        long status = 0;

        self->saidn = 0;
        self->said[0] = self->why[0] = '\0';
        if (list) {
                curl_easy_setopt(self->curl, CURLOPT_HTTPHEADER, list);
                curl_easy_setopt(self->curl, CURLOPT_POSTFIELDS, self->text.bytes);
                curl_easy_setopt(self->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)self->text.len);
                code = curl_easy_perform(self->curl);
        }
        unname_request(self, list);
        if (code != CURLE_OK)
                return unanswered(task, self, code);
        curl_easy_getinfo(self->curl, CURLINFO_RESPONSE_CODE, &status);
        return judge(task, self, status);
}

static int
hand_over(struct sq_task *task, size_t first, size_t n, size_t *ret_done)
{
        struct http *self = sq_state(task);
        int r = 0;

        if (sq_now(task) < self->not_before_ns)
                return -EAGAIN; /* why, it has said */
        if (self->body != SINGLE)
                return request(task, self, first, n);
        for (; *ret_done < n; ++*ret_done) {
                r = request(task, self, first + *ret_done, 1);
                if (r == -EBADMSG)
                        r = sq_sink_refuse(task, &self->sink, first + *ret_done, self->sink.why);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- The bolt ---------------------------------------------------------------------------------------- */

static bool
add_header(struct http *self, const char *text)
{
        struct curl_slist *list = curl_slist_append(self->list, text);

        self->list = list ? list : self->list;
        return list != NULL;
}

static const char *
content_type(const struct http *self)
{
        switch ((enum sq_format)self->encoding.format) {
        case SQ_FORMAT_JSON:
                return self->body == LINES ? "application/x-ndjson" : "application/json";
        case SQ_FORMAT_MSGPACK:
                return "application/vnd.msgpack";
        case SQ_FORMAT_CSV:
                return "text/csv; charset=utf-8";
        default:
                return "text/plain; charset=utf-8";
        }
}

static bool
write_headers(struct http *self)
{
        char line[SECRET_MAX + 32];
        bool fine;

        snprintf(line, sizeof(line), "Content-Type: %s", content_type(self));
        fine = add_header(self, line) && add_header(self, "Expect:");
        snprintf(line, sizeof(line), "Authorization: Bearer %s", self->secret);
        if (self->secret[0])
                fine = fine && add_header(self, line);
        explicit_bzero(line, sizeof(line));
        for (size_t i = 0; i < self->headers.n; i++)
                fine = fine && add_header(self, self->headers.items[i]);
        return fine;
}

static int
prepare(struct sq_task *task)
{
        struct http *self = sq_state(task);

        self->text.format = SQ_FORMAT_TEXT;
        self->once.format = SQ_FORMAT_TEXT;
        self->sink.encoding = &self->encoding;
        if (sq_secret_read(task, self->token, self->secret, sizeof(self->secret)) < 0 ||
            sq_sink_open(task, self->url, hand_over) < 0)
                return -1;
        self->curl = curl_easy_init();
        if (!self->curl || !write_headers(self))
                return sq_error(task, "%s: %s", self->url, strerror(ENOMEM));
        curl_easy_setopt(self->curl, CURLOPT_URL, self->url);
        set_trust(self->curl, self->ca, self->why);
        curl_easy_setopt(self->curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(self->curl, CURLOPT_USERAGENT, "squall");
        curl_easy_setopt(self->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(self->sink.timeout * 1000));
        curl_easy_setopt(self->curl, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS);
        curl_easy_setopt(self->curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(self->curl, CURLOPT_XFERINFOFUNCTION, look);
        curl_easy_setopt(self->curl, CURLOPT_XFERINFODATA, task);
        curl_easy_setopt(self->curl, CURLOPT_WRITEFUNCTION, take_answer);
        curl_easy_setopt(self->curl, CURLOPT_WRITEDATA, self);
        return 0;
}

static void
cleanup(struct sq_task *task)
{
        struct http *self = sq_state(task);

        curl_easy_cleanup(self->curl);
        curl_slist_free_all(self->list);
        sq_encoder_free(&self->text);
        sq_encoder_free(&self->once);
        explicit_bzero(self->secret, sizeof(self->secret));
        sq_sink_close(task);
}

SQ_BOLT(http) = {
        .about = "POST requests to a web server, with tuples.",
        .state = sizeof(struct http),
        .options =
                {
                        SQ_REQ_STR(struct http, url,
                                   "http://HOST:PORT/PATH or https://...; single: fields or expressions in braces"),
                        SQ_OPT_ENUM(
                                struct http, body, "array|lines|single", "array",
                                "array: a batch is a JSON array of objects; lines: a tuple a line (msgpack: one behind the "
                                "other); single: a request for each tuple"),
                        SQ_OPT_ENCODING(struct http, encoding, "json"),
                        SQ_OPT_LIST(struct http, headers, "further headers, such as `X-Source: squall`"),
                        SQ_OPT_SECRET("token", struct http, token, "the bearer token"),
                        SQ_OPT_PATH(struct http, ca, NULL,
                                    "https: the file of certificates to trust; default: the system's"),
                        SQ_OPT_STR(
                                struct http, key, NULL,
                                "single: the request's Idempotency-Key, fields in braces, so that the server knows a tuple "
                                "that comes again"),
                        SQ_OPT_SINK(struct http, sink),
                },
        .streams = {SQ_ERRORS},
        .declare = declare,
        .probe = probe,
        .prepare = prepare,
        .execute = sq_sink_execute,
        .flush = sq_sink_flush,
        .finish = sq_sink_flush,
        .cleanup = cleanup,
};
