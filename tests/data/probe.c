/* Tries what a job must not be able to do and prints the outcome: 0 or the error's number. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int said(long result) {
    printf("%d\n", result < 0 ? errno : 0);
    return 0;
}

static void *nothing(void *argument) { return argument; }

static long thread(void) {
    pthread_t id;
    return pthread_create(&id, 0, nothing, 0) || pthread_join(id, 0) ? -1 : 0;
}

static long cloned(unsigned long flags) {
    long child = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
    if (child == 0) _exit(0);
    return child < 0 ? -1 : waitpid(child, 0, 0);
}

int main(int count, char **words) {
    const char *what = count > 1 ? words[1] : "";
    long a = count > 2 ? strtol(words[2], 0, 0) : 0, b = count > 3 ? strtol(words[3], 0, 0) : 0;
    long c = count > 4 ? strtol(words[4], 0, 0) : 0;
    if (!strcmp(what, "syscall")) return said(syscall(a, b, c, 0, 0, 0, 0));
    if (!strcmp(what, "socket")) return said(socket(a, b, c));
    if (!strcmp(what, "clone")) return said(cloned((unsigned long)a));
    if (!strcmp(what, "thread")) return said(thread());
    if (!strcmp(what, "euid")) return printf("%d\n", (int)geteuid()) < 0;
#ifdef __x86_64__
    if (!strcmp(what, "int80")) {
        long result = 20; /* getpid of the 32-bit table */
        __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
        return said(result);
    }
#endif
    return 2;
}
