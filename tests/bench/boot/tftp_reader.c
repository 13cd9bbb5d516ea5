/* Reads one file by TFTP many times at once, so fast that the server is what is measured: tests.bench.boot.tftp.

   tftp_reader ADDRESS PORT NAME READERS BLKSIZE WINDOWSIZE : it sends what a client sends, checks the order and
   the length of the blocks, and prints seconds, bytes, finished and repeated requests. A packet that does not come for
   two seconds is asked for again, as firmware does; after ten of those a reader has failed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct reader {
    int socket, known, done, heard, tries;
    unsigned blocks;
    size_t bytes;
    double at;
    struct sockaddr_in transfer;
    unsigned char last[4];
};

static char request[512];
static size_t request_bytes;
static struct sockaddr_in server;
static int blksize, windowsize, repeated;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void answer(struct reader *r, unsigned block) {
    r->last[0] = 0, r->last[1] = 4, r->last[2] = block >> 8 & 255, r->last[3] = block & 255;
    r->heard = 0;
    sendto(r->socket, r->last, 4, 0, (struct sockaddr *)&r->transfer, sizeof r->transfer);
}

static void again(struct reader *r) {
    repeated++;
    if (!r->known)
        sendto(r->socket, request, request_bytes, 0, (struct sockaddr *)&server, sizeof server);
    else
        sendto(r->socket, r->last, 4, 0, (struct sockaddr *)&r->transfer, sizeof r->transfer);
}

/* 1: ended, -1: failed */
static int hear(struct reader *r, unsigned char *packet, ssize_t length, struct sockaddr_in *from) {
    unsigned block = packet[2] << 8 | packet[3];
    if (length < 4 || packet[1] == 5) return -1;
    if (!r->known) r->known = 1, r->transfer = *from;
    if (packet[1] == 6) {
        if (!r->blocks) answer(r, 0);
        return 0;
    }
    if (block != ((r->blocks + 1) & 65535)) {
        if (windowsize > 1) answer(r, r->blocks & 65535);
        return 0;
    }
    r->blocks++, r->heard++, r->bytes += length - 4;
    if (length - 4 < blksize) {
        answer(r, r->blocks);
        return 1;
    }
    if (r->heard >= windowsize) answer(r, r->blocks);
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 7) return 2;
    int readers = atoi(argv[4]), left = readers, failed = 0;
    blksize = atoi(argv[5]), windowsize = atoi(argv[6]);
    server.sin_family = AF_INET, server.sin_port = htons(atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    request_bytes = 2 + sprintf(request + 2, "%s%coctet%cblksize%c%d", argv[3], 0, 0, 0, blksize) + 1;
    request[1] = 1;
    if (windowsize > 1)
        request_bytes += sprintf(request + request_bytes, "windowsize%c%d", 0, windowsize) + 1;
    struct reader *all = calloc(readers, sizeof *all);
    int epoll = epoll_create1(0);
    double begun = now();
    for (int i = 0; i < readers; i++) {
        struct reader *r = all + i;
        r->socket = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010000 + i % 250 + 1)};
        if (server.sin_addr.s_addr >> 24 == 0 || (ntohl(server.sin_addr.s_addr) >> 24) == 127)
            bind(r->socket, (struct sockaddr *)&own, sizeof own);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
        epoll_ctl(epoll, EPOLL_CTL_ADD, r->socket, &event);
        r->at = now();
        sendto(r->socket, request, request_bytes, 0, (struct sockaddr *)&server, sizeof server);
    }
    static unsigned char packet[65536];
    struct epoll_event events[256];
    double looked = begun;
    size_t bytes = 0;
    while (left) {
        int ready = epoll_wait(epoll, events, 256, 100);
        double at = now();
        for (int i = 0; i < ready; i++) {
            struct reader *r = events[i].data.ptr;
            for (int n = 0; n < 2 * windowsize && !r->done; n++) {
                struct sockaddr_in from;
                socklen_t size = sizeof from;
                ssize_t length = recvfrom(r->socket, packet, sizeof packet, 0, (struct sockaddr *)&from, &size);
                if (length < 0) break;
                if (r->known && (from.sin_port != r->transfer.sin_port)) continue;
                r->at = at, r->tries = 0;
                int ended = hear(r, packet, length, &from);
                if (ended) r->done = 1, left--, failed += ended < 0, bytes += r->bytes;
            }
        }
        if (at - looked > 0.1) {
            looked = at;
            for (int i = 0; i < readers; i++)
                if (!all[i].done && at - all[i].at > 2) {
                    all[i].at = at;
                    if (++all[i].tries > 10)
                        all[i].done = 1, left--, failed++;
                    else
                        again(all + i);
                }
        }
    }
    printf("%.6f %zu %d %d\n", now() - begun, bytes, readers - failed, repeated);
    return 0;
}
