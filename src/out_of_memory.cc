// What happens when C++, which RocksDB is written in, gets no memory: one line that says what to do and an exit code of its own, where it
// would say "terminate called after throwing an instance of 'std::bad_alloc'" and abort. Both end the process at once, as a kill would,
// and nothing that was acknowledged is lost. The new-handler is the standard's own hook for this. Linked into the program by build.rs.
#include <new>

#include <unistd.h>

namespace {

// EX_OSERR of sysexits.
constexpr int kExitCode = 71;

constexpr char kLine[] =
    "broadsheet: out of memory: lower database.memory, or let the process have more (MemoryMax=, --memory, ulimit -v)\n";

[[noreturn]] void OutOfMemory() {
    // Nothing here allocates.
    (void)!write(STDERR_FILENO, kLine, sizeof kLine - 1);
    _exit(kExitCode);
}

[[maybe_unused]] const auto before = std::set_new_handler(OutOfMemory);

}  // namespace
