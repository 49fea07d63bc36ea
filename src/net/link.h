// Link: a place in a ring of such places, kept by whoever is in it: no memory, and nobody has to be searched. Private
// to net.
#pragma once

namespace countersign::net {

struct Link {
  Link* previous = this;
  Link* next = this;
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  bool is_alone() const { return next == this; }
  void unlink() noexcept {
    previous->next = next;
    next->previous = previous;
    previous = next = this;
  }
  /// Only while it is alone.
  void insert_before(Link& other) noexcept {
    previous = other.previous;
    next = &other;
    previous->next = this;
    other.previous = this;
  }
};

}  // namespace countersign::net
