// Asker: who asks for a check, and so who can bring what is missing for it.
#pragma once

namespace countersign::check {

enum class Asker {
  command,      ///< somebody at a command line, who has the provider's certificates and names any server
  authority,    ///< the authority, of a server that an operator has confirmed
  unconfirmed,  ///< the authority, of one that nobody has: nothing of the provider's is shown to it
  unproven,     ///< the authority, of a confirmed one that does not prove to be the host it is called: the same
};

}  // namespace countersign::check
