// A PKCS#11 module that forwards to a real one (REAL) and misbehaves as the
// file "faults" beside it says. Each line is one fault:
//
//	C_Sign before 0x30 1     the next call answers 0x30 and does nothing
//	C_Sign after 0x30 2      the next two do their work, and answer 0x30
//	C_Sign hang 0 1          the next call does not return
//	C_Sign die 0 1           the next call ends the process
//	C_Sign slow 100 -1       each call takes 100 ms longer
//
// A count of -1 is without end. A line "C_Sign" is appended to the file
// "calls" for each call that reaches the real module, and a line "length" for
// one that only asks how long a signature is.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long ul;
typedef ul (*call)(ul, ul, ul, ul, ul, ul, ul, ul);
struct list { ul version; call fn[68]; };

static struct list real, ours;
static char dir[4096];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

// next takes one fault for this function off the file.
static int next(const char *name, char *mode, ul *code) {
	char path[4200], text[8192] = "", rest[8192] = "";
	int found = 0;
	pthread_mutex_lock(&lock);
	snprintf(path, sizeof path, "%s/faults", dir);
	FILE *f = fopen(path, "r");
	if (f) {
		text[fread(text, 1, sizeof text - 1, f)] = 0;
		fclose(f);
		for (char *save, *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			char fn[64], m[16];
			long c, n;
			if (sscanf(line, "%63s %15s %li %ld", fn, m, &c, &n) != 4) continue;
			if (!found && n != 0 && strcmp(fn, name) == 0) {
				found = 1;
				strcpy(mode, m);
				*code = (ul)c;
				if (n > 0) n--;
			}
			sprintf(rest + strlen(rest), "%s %s %#lx %ld\n", fn, m, c, n);
		}
		if (found && (f = fopen(path, "w"))) {
			fputs(rest, f);
			fclose(f);
		}
	}
	pthread_mutex_unlock(&lock);
	return found;
}

static void note(const char *name) {
	char path[4200];
	pthread_mutex_lock(&lock);
	snprintf(path, sizeof path, "%s/calls", dir);
	FILE *f = fopen(path, "a");
	if (f) {
		fprintf(f, "%s\n", name);
		fclose(f);
	}
	pthread_mutex_unlock(&lock);
}

static ul with(const char *name, int i, ul a, ul b, ul c, ul d, ul e, ul f, ul g, ul h) {
	char mode[16] = "";
	ul code = 0;
	// A question for the size of the answer is not the call.
	int size = (strcmp(name, "C_Sign") == 0 || strcmp(name, "C_Encrypt") == 0 || strcmp(name, "C_Decrypt") == 0) && d == 0;
	if (!size && next(name, mode, &code)) {
		if (strcmp(mode, "before") == 0) return code;
		if (strcmp(mode, "hang") == 0) for (;;) pause();
		if (strcmp(mode, "slow") == 0) usleep(1000 * code);
		if (strcmp(mode, "die") == 0) raise(SIGKILL);
	}
	note(size && strcmp(name, "C_Sign") == 0 ? "length" : size ? "" : name);
	ul rv = real.fn[i](a, b, c, d, e, f, g, h);
	return strcmp(mode, "after") == 0 ? code : rv;
}

#define WRAPPED(X) \
	X(C_Initialize, 0) X(C_GetSlotList, 4) X(C_GetTokenInfo, 6) X(C_OpenSession, 12) X(C_GetSessionInfo, 15) \
	X(C_Login, 18) X(C_CreateObject, 20) X(C_CopyObject, 21) X(C_DestroyObject, 22) X(C_GetAttributeValue, 24) \
	X(C_SetAttributeValue, 25) X(C_FindObjectsInit, 26) X(C_FindObjects, 27) X(C_EncryptInit, 29) X(C_Encrypt, 30) \
	X(C_DecryptInit, 33) X(C_Decrypt, 34) X(C_SignInit, 42) X(C_Sign, 43) X(C_GenerateKey, 58) \
	X(C_GenerateKeyPair, 59) X(C_WrapKey, 60) X(C_UnwrapKey, 61)

#define DEFINE(name, i) \
	static ul f_##name(ul a, ul b, ul c, ul d, ul e, ul f, ul g, ul h) { return with(#name, i, a, b, c, d, e, f, g, h); }
WRAPPED(DEFINE)

__attribute__((visibility("default"))) ul C_GetFunctionList(struct list **out) {
	Dl_info self;
	if (!dladdr((void *)C_GetFunctionList, &self)) return 5;
	snprintf(dir, sizeof dir, "%s", self.dli_fname);
	*strrchr(dir, '/') = 0;
	void *lib = dlopen(REAL, RTLD_NOW);
	ul (*get)(struct list **) = lib ? (ul (*)(struct list **))dlsym(lib, "C_GetFunctionList") : NULL;
	struct list *theirs;
	if (!get || get(&theirs) != 0) return 5;
	real = ours = *theirs;
#define INSTALL(name, i) ours.fn[i] = f_##name;
	WRAPPED(INSTALL)
	*out = &ours;
	return 0;
}
