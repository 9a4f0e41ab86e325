// Handles failed memory allocations in C++, the language of RocksDB: prints one line that says what to do, and exits with a
// separate exit code. Without it the program would print "terminate called after throwing an instance of 'std::bad_alloc'" and
// abort. Either way the process ends at once, like after a kill, and nothing acknowledged is lost. The new-handler is the
// standard's own hook for this. build.rs links this file into the program.
#include <new>

#include <unistd.h>

namespace {

// EX_OSERR of sysexits.
constexpr int kExitCode = 71;

constexpr char kLine[] =
    "broadsheet: out of memory: lower database.memory, or let the process have more (MemoryMax=, --memory, ulimit -v)\n";

[[noreturn]] void OutOfMemory() {
    // No allocation here.
    (void)!write(STDERR_FILENO, kLine, sizeof kLine - 1);
    _exit(kExitCode);
}

[[maybe_unused]] const auto before = std::set_new_handler(OutOfMemory);

}  // namespace
