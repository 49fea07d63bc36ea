// docs/check-ehi.md: the part behind its marker is made from the table of checks, and held against it by ctest.
//
//   check_ehi_doc FILE           exit status 1 when that part is not what the table says
//   check_ehi_doc --write FILE   writes it, and leaves what stands before the marker
#include <cstdio>
#include <string>

#include "base/files.h"
#include "check/judge.h"

namespace {

using namespace countersign;

constexpr std::string_view kMarker = "<!-- from here on written by check_ehi_doc -->\n";

std::string hints_of(std::string_view check) {
  std::string lines;
  for (const auto kind :
       {check::ServerKind::nginx, check::ServerKind::haproxy, check::ServerKind::httpd, check::ServerKind::node})
    if (const std::string_view hint = check::hint(check, kind); !hint.empty())
      lines += "\n- " + std::string(check::name(kind)) + ": `" + std::string(hint) + "`";
  return lines.empty() ? "" : lines + "\n";
}

std::string written_part() {
  std::string text(kMarker);
  text += "\n## Findings\n";
  for (const check::Check& check : check::checks())
    text += "\n### " + std::string(check.name) + "\n\n" + std::string(check.title) + ".\n\n**If not:** " +
            std::string(check.why) + "\n\n**What to do:** " + std::string(check.remedy) + "\n" + hints_of(check.name);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  const bool write = argc == 3 && std::string(argv[1]) == "--write";
  if (argc != 2 && !write) return std::fputs("usage: check_ehi_doc [--write] FILE\n", stderr), 2;
  const std::string file = argv[argc - 1];
  const auto found = base::read_file(file);
  const std::size_t marker = found ? found->find(kMarker) : std::string::npos;
  if (marker == std::string::npos) return std::fprintf(stderr, "%s has no marker\n", file.c_str()), 1;
  const std::string page = found->substr(0, marker) + written_part();
  if (write) return base::write_file(file, page, base::FileMode::world_readable) ? 0 : 1;
  if (*found == page) return 0;
  std::fprintf(stderr, "%s is not what the table says: run check_ehi_doc --write %s\n", file.c_str(), file.c_str());
  return 1;
}
