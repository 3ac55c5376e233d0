/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of syslog: squall-formats.h says what becomes of them.
 *
 *     RFC 5424     <PRI>1 TIME HOST APP PROCID MSGID [ID NAME="VALUE" ...]... MESSAGE      what is - is null
 *     RFC 3164     <PRI>Mmm dd hh:mm:ss HOST APP[PROCID]: MESSAGE
 *
 * RFC 3164 describes what was seen, and not what is right, so much may be missing there: the priority, as in files;
 * the time, and then all is the message; the host, where the next word is APP: or APP[PROCID]: and not an address of
 * IPv6; the app. The time may be one of RFC 5424, as rsyslog writes it into files.
 *
 * A line end or a zero byte at the end, which many senders of datagrams put there, does not belong to the message.
 */
#include <arpa/inet.h>
#include <squall-kit.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kit/instant.h"

enum { PRI_MAX = 191, STAMP = sizeof("Nov 26 10:00:00") - 1, YEARS = 9, DAY = 86400, TAG_MAX = 128 };

static const char *const facilities[] = {"kern",   "user",   "mail",   "daemon", "auth",     "syslog",
                                         "lpr",    "news",   "uucp",   "cron",   "authpriv", "ftp",
                                         "ntp",    "audit",  "alert",  "clock",  "local0",   "local1",
                                         "local2", "local3", "local4", "local5", "local6",   "local7"};
static const char *const levels[] = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

struct part {
        const char *at, *end;
        struct sq_value *elements, *params;
        char *scratch;
};

static bool
skip(struct part *in, char c)
{
        if (in->at == in->end || *in->at != c)
                return false;
        in->at++;
        return true;
}

/* Up to the next blank, which is passed over. */
static struct sq_str
word(struct part *in)
{
        const char *start = in->at, *blank = memchr(start, ' ', (size_t)(in->end - start));
        const char *stop = blank ? blank : in->end;

        in->at = blank ? blank + 1 : in->end;
        return (struct sq_str){start, (size_t)(stop - start)};
}

/* <0> to <191>. 1; 0: there is none; -1: it is wrong. */
static int
read_priority(struct part *in, struct sq_syslog *ret)
{
        int priority = 0;
        const char *start;

        if (!skip(in, '<'))
                return 0;
        for (start = in->at; in->at < in->end && *in->at >= '0' && *in->at <= '9' && in->at - start < 3; in->at++)
                priority = priority * 10 + (*in->at - '0');
        if (in->at == start || priority > PRI_MAX || !skip(in, '>'))
                return -1;
        ret->facility = sq_text(facilities[priority / 8]);
        ret->severity = sq_int(priority % 8);
        ret->level = sq_text(levels[priority % 8]);
        return 1;
}

/* ---- RFC 5424 ---------------------------------------------------------------------------------------- */

static struct sq_value
nilable(struct sq_str text)
{
        return sq_str_is(text, "-") ? sq_nil() : sq_str(text);
}

static struct sq_str
name(struct part *in)
{
        const char *start = in->at;

        while (in->at < in->end && (unsigned char)*in->at > ' ' && !strchr("=]\"", *in->at))
                in->at++;
        return (struct sq_str){start, (size_t)(in->at - start)};
}

/* Behind the first quote. A backslash stands for itself but in front of a quote, a backslash and a bracket. */
static bool
param_value(struct part *in, struct sq_str *ret)
{
        char *copy = in->scratch;

        for (; in->at < in->end && *in->at != '"'; in->at++) {
                if (*in->at == '\\' && in->end - in->at > 1 && strchr("\"\\]", in->at[1]) && in->at[1])
                        in->at++;
                *in->scratch++ = *in->at;
        }
        *ret = (struct sq_str){copy, (size_t)(in->scratch - copy)};
        return skip(in, '"');
}

/* [ID NAME="VALUE" ...], of which the bracket was read. */
static bool
element(struct part *in, struct sq_value *ret)
{
        struct sq_value *params = in->params;

        ret[0] = sq_str(name(in));
        while (ret[0].len > 0 && skip(in, ' ')) {
                struct sq_str key = name(in), text;

                if (key.len == 0 || !skip(in, '=') || !skip(in, '"') || !param_value(in, &text))
                        return false;
                *in->params++ = sq_str(key);
                *in->params++ = sq_str(text);
        }
        ret[1] = sq_map(params, (size_t)(in->params - params) / 2);
        return ret[0].len > 0 && skip(in, ']');
}

static bool
data(struct part *in, struct sq_value *ret)
{
        struct sq_value *elements = in->elements;

        if (skip(in, '-'))
                return in->at == in->end || *in->at == ' ';
        while (skip(in, '[')) {
                if (!element(in, in->elements))
                        return false;
                in->elements += 2;
        }
        *ret = sq_map(elements, (size_t)(in->elements - elements) / 2);
        return in->elements > elements && (in->at == in->end || *in->at == ' ');
}

/* Behind the version. */
static const char *
read_5424(struct part *in, struct sq_syslog *ret)
{
        static const struct sq_str iso = {"iso8601", 7};
        static const char mark[] = "\xef\xbb\xbf";
        struct sq_str when = word(in);
        struct sq_time time;

        if (!sq_str_is(when, "-")) {
                if (!sqi_instant_read(when, iso, 0, &time))
                        return "its time is not one of RFC 5424";
                ret->time = sq_time(time);
        }
        ret->host = nilable(word(in));
        ret->app = nilable(word(in));
        ret->procid = nilable(word(in));
        ret->msgid = nilable(word(in));
        if (!data(in, &ret->data))
                return "its structured data are not those of RFC 5424";
        (void)skip(in, ' ');
        if (in->end - in->at >= 3 && memcmp(in->at, mark, 3) == 0)
                in->at += 3;
        return NULL;
}

/* ---- RFC 3164 ---------------------------------------------------------------------------------------- */

static int
year_of(struct sq_time now)
{
        time_t seconds = (time_t)now.sec;
        struct tm tm;

        return gmtime_r(&seconds, &tm) ? tm.tm_year + 1900 : 1970;
}

/* A time that has no year: it is in the last one in which it is not more than a day ahead of the clock. */
static bool
read_stamp(struct part *in, const char *zone, struct sq_time now, struct sq_value *ret)
{
        static const struct sq_str format = {"%b %e %H:%M:%S %z", 17};
        char text[STAMP + 16];
        struct sq_time time;
        int len;

        if (in->end - in->at < STAMP || (in->end - in->at > STAMP && in->at[STAMP] != ' '))
                return false;
        len = snprintf(text, sizeof(text), "%.*s %s", (int)STAMP, in->at, zone);
        for (int year = year_of(now) + 1, tried = 0; tried < YEARS; year--, tried++)
                if (sqi_instant_read((struct sq_str){text, (size_t)len}, format, year, &time) &&
                    time.sec <= now.sec + DAY) {
                        *ret = sq_time(time);
                        in->at += STAMP;
                        (void)skip(in, ' ');
                        return true;
                }
        return false;
}

static bool
read_iso(struct part *in, struct sq_value *ret)
{
        static const struct sq_str iso = {"iso8601", 7};
        struct part ahead = *in;
        struct sq_time time;

        if (!sqi_instant_read(word(&ahead), iso, 0, &time))
                return false;
        *ret = sq_time(time);
        *in = ahead;
        return true;
}

/* Is the next word a host that would be taken for APP: and text behind it? */
static bool
is_ipv6(struct part in)
{
        struct sq_str host = word(&in);
        char text[INET6_ADDRSTRLEN];
        struct in6_addr address;

        if (host.len >= sizeof(text) || !memchr(host.ptr, ':', host.len))
                return false;
        memcpy(text, host.ptr, host.len);
        text[host.len] = '\0';
        return inet_pton(AF_INET6, text, &address) == 1;
}

/* APP: or APP[PROCID]: at the start of what is left; then behind it. */
static bool
read_tag(struct part *in, struct sq_syslog *ret)
{
        struct part ahead = *in;
        const char *start = ahead.at, *open;
        struct sq_str app, procid = {NULL, 0};

        while (ahead.at < ahead.end && (unsigned char)*ahead.at > ' ' && *ahead.at != ':' && *ahead.at != '[')
                ahead.at++;
        app = (struct sq_str){start, (size_t)(ahead.at - start)};
        if (app.len == 0 || app.len > TAG_MAX)
                return false;
        if (skip(&ahead, '[')) {
                open = ahead.at;
                while (ahead.at < ahead.end && *ahead.at != ']' && *ahead.at != ' ')
                        ahead.at++;
                procid = (struct sq_str){open, (size_t)(ahead.at - open)};
                if (!skip(&ahead, ']'))
                        return false;
        }
        if (!skip(&ahead, ':'))
                return false;
        (void)skip(&ahead, ' ');
        ret->app = sq_str(app);
        ret->procid = procid.ptr ? sq_str(procid) : sq_nil();
        *in = ahead;
        return true;
}

static const char *
read_3164(struct part *in, bool prior, const char *zone, struct sq_time now, struct sq_syslog *ret)
{
        if (!read_stamp(in, zone, now, &ret->time) && !read_iso(in, &ret->time))
                return prior ? NULL : "it has neither a priority nor a time";
        if (!is_ipv6(*in) && read_tag(in, ret))
                return NULL;
        ret->host = sq_str(word(in));
        (void)read_tag(in, ret);
        return NULL;
}

const char *
sq_syslog_zone(const char *setting)
{
        static const struct sq_str format = {"%z", 2};
        struct sq_time time;

        if (strcmp(setting, "UTC") == 0)
                return "Z";
        return strlen(setting) < 8 && sqi_instant_read((struct sq_str){setting, strlen(setting)}, format, 1970, &time)
                       ? setting
                       : NULL;
}

/* ---- Both -------------------------------------------------------------------------------------------- */

static bool
is_5424(struct part *in)
{
        if (in->end - in->at < 2 || in->at[0] != '1' || in->at[1] != ' ')
                return false;
        in->at += 2;
        return true;
}

static struct sq_str
without_end(struct sq_str text)
{
        while (text.len > 0 && (text.ptr[text.len - 1] == '\0' || text.ptr[text.len - 1] == '\n'))
                text.len--;
        text.len -= text.len > 0 && text.ptr[text.len - 1] == '\r';
        return text;
}

const char *
sq_syslog_read(struct sq_str text, enum sq_syslog_format format, const char *zone, struct sq_time now,
               struct sq_value *room, char *scratch, struct sq_syslog *ret)
{
        const size_t len = without_end(text).len;
        struct part in = {text.ptr, text.ptr + len, room, room + len + 1, scratch};
        struct sq_value nil = sq_nil();
        const char *wrong = NULL;
        int prior;

        *ret = (struct sq_syslog){nil, nil, nil, nil, nil, nil, nil, nil, nil, nil};
        prior = read_priority(&in, ret);
        if (prior < 0)
                return "its priority is not <0> to <191>";
        if (format != SQ_SYSLOG_3164 && prior > 0 && is_5424(&in))
                wrong = read_5424(&in, ret);
        else if (format == SQ_SYSLOG_5424)
                wrong = "it does not begin as RFC 5424 says: <PRIORITY>1";
        else
                wrong = read_3164(&in, prior > 0, zone, now, ret);
        ret->message = sq_str((struct sq_str){in.at, (size_t)(in.end - in.at)});
        return wrong;
}
