/* Asks an HTTP server so fast that the server is what is measured: tests.bench.boot.http.

   http_reader files ADDRESS PORT PATH CLIENTS TIMES
     each client reads the file so many times over one connection; prints seconds, bytes, answers, bad answers.
   http_reader scripts ADDRESS PORT LIST CONNECTIONS RATE SECONDS keep|once
     asks for the paths of a file, one a line, in turn; as many a second as RATE says, whatever becomes of the earlier
     ones (0: each connection as soon as it has its answer). A request that finds no free connection waits for one.
     `once` opens a connection for each request, as iPXE does, from an address that is the line's own.
     Prints seconds, bytes, answers, bad answers and the milliseconds from when a request was due to its last byte:
     median, 99th percentile, most. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define HEAD 4096

struct connection {
    int socket, left, busy;
    size_t head_bytes;
    long long body_left; /* -1: the head is not whole yet */
    int good;
    double due;
    char head[HEAD + 1];
};

static struct sockaddr_in server;
static char host[64];
static struct connection *all;
static int epoll, once, bad;
static size_t bytes;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

/* `own`: the number of the address to ask from, -1 for any */
static void dial(struct connection *c, int own) {
    int yes = 1;
    c->socket = socket(AF_INET, SOCK_STREAM, 0);
    if (c->socket < 0) die("socket");
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (own >= 0) {
        struct sockaddr_in from = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(0x7f010001 + own / 250 * 256 + own % 250)};
        setsockopt(c->socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
        if (bind(c->socket, (struct sockaddr *)&from, sizeof from)) die("bind");
    }
    if (connect(c->socket, (struct sockaddr *)&server, sizeof server)) die("connect");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll, EPOLL_CTL_ADD, c->socket, &event);
}

static void ask(struct connection *c, const char *path, double due) {
    char text[2048];
    int length = snprintf(text, sizeof text,
                          "GET %s HTTP/1.1\r\nConnection: keep-alive\r\nUser-Agent: iPXE/1.21.1 (g83449)\r\n"
                          "Host: %s\r\n\r\n", path, host);
    c->busy = 1, c->head_bytes = 0, c->body_left = -1, c->good = 0, c->due = due;
    if (length >= (int)sizeof text || send(c->socket, text, length, MSG_NOSIGNAL) != length) die("send");
}

/* what is in the head: the status and the length of the body; gives how many bytes of it are body already */
static ssize_t read_head(struct connection *c, const char *end) {
    c->good = c->head_bytes > 12 && !memcmp(c->head + 9, "200", 3);
    c->body_left = 0;
    for (const char *line = c->head; line && line < end; line = strstr(line, "\r\n")) {
        if (*line == '\r') line += 2;
        if (!strncasecmp(line, "content-length:", 15)) c->body_left = atoll(line + 15);
    }
    return c->head + c->head_bytes - (end + 4);
}

/* 1: the answer is whole */
static int hear(struct connection *c) {
    static char buffer[256 * 1024];
    while (1) {
        int in_head = c->body_left < 0;
        char *into = in_head ? c->head + c->head_bytes : buffer;
        size_t room = in_head ? HEAD - c->head_bytes : sizeof buffer;
        ssize_t got = recv(c->socket, into, room, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
        if (got <= 0) {
            c->good = 0;
            return 1;
        }
        bytes += got;
        if (in_head) {
            c->head_bytes += got;
            c->head[c->head_bytes] = 0;
            char *end = strstr(c->head, "\r\n\r\n");
            if (!end) continue;
            got = read_head(c, end);
        }
        c->body_left -= got;
        if (c->body_left <= 0) return 1;
    }
}

static void close_it(struct connection *c) {
    struct linger none = {1, 0}; /* no port waits for a minute */
    setsockopt(c->socket, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(c->socket);
    c->socket = -1;
}

static void read_files(const char *path, int clients, int times) {
    int left = clients, answers = 0;
    struct epoll_event events[256];
    for (int i = 0; i < clients; i++) dial(all + i, -1);
    double begun = now();
    for (int i = 0; i < clients; i++) all[i].left = times, ask(all + i, path, begun);
    while (left) {
        int ready = epoll_wait(epoll, events, 256, 5000);
        if (ready <= 0) break;
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!hear(c)) continue;
            answers++, bad += !c->good;
            if (c->good && --c->left)
                ask(c, path, begun);
            else
                left--, close_it(c);
        }
    }
    printf("%.6f %zu %d %d\n", now() - begun, bytes, answers, bad + left);
}

static int by_size(const void *a, const void *b) {
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static char **lines_of(const char *name, int *count) {
    static char line[1024];
    char **found = NULL;
    FILE *file = fopen(name, "r");
    if (!file) die(name);
    for (*count = 0; fgets(line, sizeof line, file); (*count)++) {
        line[strcspn(line, "\n")] = 0;
        found = realloc(found, (*count + 1) * sizeof *found);
        found[*count] = strdup(line);
    }
    return found;
}

static void ask_scripts(const char *list, int connections, double rate, double seconds) {
    int lines, sent = 0, answered = 0, idle = connections, most = rate ? (int)(rate * seconds) : 50 * 1000 * 1000;
    char **paths = lines_of(list, &lines);
    struct connection **unused = calloc(connections, sizeof *unused);
    double *took = malloc((rate ? most : 2000000) * sizeof *took);
    struct epoll_event events[256];
    for (int i = 0; i < connections; i++) {
        unused[i] = all + i;
        if (!once) dial(all + i, i);
    }
    double begun = now(), at = begun, ends = begun + seconds;
    while (answered < sent || (sent < most && (rate || at < ends))) {
        while (idle && sent < most && (rate ? begun + sent / rate <= at : at < ends)) {
            struct connection *c = unused[--idle];
            if (once) dial(c, sent % lines);
            ask(c, paths[sent % lines], rate ? begun + sent / rate : at);
            sent++;
        }
        int ready = epoll_wait(epoll, events, 256, rate ? 1 : 100);
        at = now();
        if (at > ends + 30) break;
        for (int i = 0; i < ready; i++) {
            struct connection *c = events[i].data.ptr;
            if (!c->busy || !hear(c)) continue;
            c->busy = 0, bad += !c->good;
            took[answered++] = (now() - c->due) * 1e3;
            if (once)
                close_it(c);
            else if (!c->good)
                close_it(c), dial(c, (int)(c - all));
            unused[idle++] = c;
        }
    }
    double over = now();
    qsort(took, answered, sizeof *took, by_size);
    printf("%.6f %zu %d %d %.3f %.3f %.3f\n", over - begun, bytes, answered, bad + sent - answered,
           took[answered / 2], took[(int)(answered * 0.99)], took[answered - 1]);
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    int count = atoi(argv[5]);
    server.sin_family = AF_INET, server.sin_port = htons(atoi(argv[3]));
    inet_pton(AF_INET, argv[2], &server.sin_addr);
    snprintf(host, sizeof host, "%s:%s", argv[2], argv[3]);
    all = calloc(count, sizeof *all);
    epoll = epoll_create1(0);
    if (!strcmp(argv[1], "files")) {
        read_files(argv[4], count, atoi(argv[6]));
    } else {
        if (argc != 9) return 2;
        once = !strcmp(argv[8], "once");
        ask_scripts(argv[4], count, atof(argv[6]), atof(argv[7]));
    }
    return 0;
}
