// Asks for its number before and after a fork, of getpid and of the kernel, in parent, child and grandchild.
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(void) {
	for (int i = 0; i < 3; i++)
		if (getpid() != (pid_t)syscall(SYS_getpid)) _exit(1);
}

int main(void) {
	check();
	for (int generation = 0; generation < 2; generation++) {
		pid_t child = fork();
		if (child < 0) return 2;
		check();
		if (child == 0) continue;
		int status;
		if (waitpid(child, &status, 0) != child || status != 0) return 3;
		check();
		return 0;
	}
	return 0;
}
