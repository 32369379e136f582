/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of the index as a whole, on one thread.
 *
 * Goal      : whatever sequence of calls is made, the index answers as a map from keys to entries
 *             does, and searches as sorting everything does.
 * Method    : RapidCheck draws options and a sequence of commands, runs it against the index and an
 *             oracle (std::map and brute force, which share nothing with the kernel), and shrinks
 *             what fails. Elements are small whole numbers: ties abound, and L2 and inner product
 *             need no rounding, so results must be equal to the last bit and in the order of keys.
 *             Budgets and bounds are drawn so that refusals happen; a refused call must have
 *             changed nothing.
 * Not here  : threads; values that round; both have tests of their own.
 * Replay    : RC_PARAMS, as printed with a counterexample; RC_PARAMS="max_success=10000" for more.
 */
#include <rapidcheck.h>
#include <rapidcheck/state.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <ostream>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

#include "akin/akin.h"

namespace
{

/* ---- options ---- */

struct Setup {
    akin_metric metric = AKIN_L2;
    akin_type type = AKIN_F32;
    std::uint32_t dim = 1;
    std::uint32_t threads = 1;
    std::uint64_t capacity = 0;
    akin_maintenance maintenance = AKIN_MAINTENANCE_INLINE;
    bool has_budget = false;
    std::uint64_t room = 0; /* bytes of the budget above an empty index */
    bool is_bound_tightly = false;

    std::size_t element_bytes() const
    {
        return type == AKIN_F32 ? sizeof(float) : 1;
    }
};

std::ostream &operator<<(std::ostream &out, const Setup &setup)
{
    out << "metric " << setup.metric << ", type " << setup.type << ", dim " << setup.dim
        << ", capacity " << setup.capacity << ", maintenance " << setup.maintenance;
    if (setup.has_budget) {
        out << ", room for " << setup.room << " bytes";
    }
    return out << (setup.is_bound_tightly ? ", retired at most 1 MiB" : "");
}

rc::Gen<Setup> any_setup()
{
    return rc::gen::build<Setup>(
        rc::gen::set(&Setup::metric, rc::gen::element(AKIN_L2, AKIN_INNER_PRODUCT, AKIN_COSINE)),
        rc::gen::set(&Setup::type, rc::gen::element(AKIN_F32, AKIN_I8)),
        rc::gen::set(&Setup::dim, rc::gen::inRange<std::uint32_t>(1, 10)),
        rc::gen::set(&Setup::threads, rc::gen::inRange<std::uint32_t>(1, 4)),
        rc::gen::set(&Setup::capacity, rc::gen::inRange<std::uint64_t>(1, 100)),
        rc::gen::set(&Setup::maintenance,
                     rc::gen::element(AKIN_MAINTENANCE_INLINE, AKIN_MAINTENANCE_CALLER,
                                      AKIN_MAINTENANCE_WORKER)),
        rc::gen::set(&Setup::has_budget, rc::gen::weightedElement<bool>({{3, false}, {1, true}})),
        rc::gen::set(&Setup::room, rc::gen::inRange<std::uint64_t>(0, 3000000)),
        rc::gen::set(&Setup::is_bound_tightly, rc::gen::arbitrary<bool>()));
}

/* ---- the oracle ---- */

using Numbers = std::vector<int>;

struct Entry {
    Numbers row;
    std::string payload;
};

bool is_zero(const Numbers &row)
{
    return std::all_of(row.begin(), row.end(), [](int value) { return value == 0; });
}

long double distance_of(akin_metric metric, const Numbers &a, const Numbers &b)
{
    long double square = 0;
    long double dot = 0;
    long double a_square = 0;
    long double b_square = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const long double x = a[i];
        const long double y = b[i];
        square += (x - y) * (x - y);
        dot += x * y;
        a_square += x * x;
        b_square += y * y;
    }
    if (metric == AKIN_L2) {
        return square;
    }
    return metric == AKIN_INNER_PRODUCT ? 0 - dot
                                        : 1 - dot / (std::sqrt(a_square) * std::sqrt(b_square));
}

/* ---- the index beside its oracle ---- */

struct Counted {
    std::uint64_t live_bytes = 0;
};

void *allocate_counted(void *context, std::size_t bytes, std::size_t alignment)
{
    void *const pointer =
        std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
    __atomic_fetch_add(&static_cast<Counted *>(context)->live_bytes, pointer != nullptr ? bytes : 0,
                       __ATOMIC_RELAXED);
    return pointer;
}

void release_counted(void *context, void *pointer, std::size_t bytes, std::size_t)
{
    __atomic_fetch_sub(&static_cast<Counted *>(context)->live_bytes, bytes, __ATOMIC_RELAXED);
    std::free(pointer);
}

class World
{
  public:
    explicit World(const Setup &setup) : setup_(setup)
    {
        const akin_options options = options_of(setup);
        RC_ASSERT(akin_open(&options, &index, nullptr) == AKIN_OK);
    }
    World(const World &) = delete;
    World &operator=(const World &) = delete;
    ~World()
    {
        (void)!akin_close(index);
    }

    /* Whether an answer is a refusal that these options may bring. */
    bool is_refusal(akin_status status)
    {
        const bool is_one = (status == AKIN_OVER_BUDGET && setup_.has_budget) ||
                            (status == AKIN_RECLAIM_STALLED && setup_.is_bound_tightly);
        was_refused = was_refused || is_one;
        return is_one;
    }

    akin_options options_of(const Setup &setup)
    {
        akin_options options;
        akin_options_init(&options);
        options.metric = setup.metric;
        options.type = setup.type;
        options.dim = setup.dim;
        options.threads = setup.threads;
        options.capacity = setup.capacity;
        options.maintenance = setup.maintenance;
        options.retired_bytes_max = setup.is_bound_tightly ? 1024 * 1024 : 0;
        options.allocator = {allocate_counted, release_counted, &counted};
        if (setup.has_budget) {
            akin_memory empty;
            RC_ASSERT(akin_estimate(&options, 0, 0, &empty, nullptr) == AKIN_OK);
            options.budget_bytes = empty.total_bytes + setup.room;
        }
        return options;
    }

    /* Assert that the index has what the oracle has, entry by entry. */
    void compare_all() const
    {
        std::uint64_t count = 0;
        RC_ASSERT(akin_count(index, &count, nullptr) == AKIN_OK);
        RC_ASSERT(count == entries.size());
        for (const auto &pair : entries) {
            compare(pair.first);
        }
        for (const akin_check_depth depth : {AKIN_CHECK_CHEAP, AKIN_CHECK_DEEP}) {
            akin_error error;
            const akin_status status = akin_check(index, depth, &error);
            RC_LOG() << (status == AKIN_OK ? "" : error.message) << "\n";
            RC_ASSERT(status == AKIN_OK);
        }
    }

    void compare(std::uint64_t key) const
    {
        const auto found = entries.find(key);
        std::vector<unsigned char> row(setup_.dim * setup_.element_bytes());
        std::vector<unsigned char> payload(found != entries.end() ? found->second.payload.size()
                                                                  : 0);
        akin_record record = akin_record_init();
        record.vector = row.data();
        record.vector_capacity = row.size();
        record.payload = payload.data();
        record.payload_capacity = payload.size();
        const akin_status status = akin_get(index, key, &record, nullptr);
        RC_ASSERT(status == (found != entries.end() ? AKIN_OK : AKIN_NOT_FOUND));
        RC_ASSERT(akin_contains(index, key, nullptr) == status);
        if (status == AKIN_OK) {
            RC_ASSERT(record.key == key);
            RC_ASSERT(row == bytes_of(found->second.row));
            RC_ASSERT(record.payload_size == payload.size());
            RC_ASSERT(std::equal(
                payload.begin(), payload.end(), found->second.payload.begin(),
                [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); }));
        }
    }

    std::vector<unsigned char> bytes_of(const Numbers &numbers) const
    {
        std::vector<unsigned char> bytes(numbers.size() * setup_.element_bytes());
        for (std::size_t i = 0; i < numbers.size(); ++i) {
            if (setup_.type == AKIN_F32) {
                const float value = static_cast<float>(numbers[i]);
                std::memcpy(bytes.data() + i * sizeof value, &value, sizeof value);
            } else {
                bytes[i] = static_cast<unsigned char>(static_cast<signed char>(numbers[i]));
            }
        }
        return bytes;
    }

    bool accepts(const Numbers &row) const
    {
        return setup_.metric != AKIN_COSINE || !is_zero(row);
    }

    const Setup &setup() const
    {
        return setup_;
    }

    akin_index *index = nullptr;
    std::map<std::uint64_t, Entry> entries;
    Counted counted;
    bool was_refused = false;

  private:
    Setup setup_;
};

/* ---- commands ---- */

/* What commands are drawn from. The truth is in World, because refusals cannot be foretold. */
struct Model {
    Setup setup;
};

using Command = rc::state::Command<Model, World>;

rc::Gen<std::uint64_t> any_key()
{
    return rc::gen::weightedOneOf<std::uint64_t>(
        {{20, rc::gen::inRange<std::uint64_t>(0, 8)},
         {4, rc::gen::inRange<std::uint64_t>(0, 60)},
         {1, rc::gen::element<std::uint64_t>(UINT64_MAX, UINT64_MAX - 1, 1ull << 32)}});
}

rc::Gen<Numbers> any_row(std::uint32_t dim)
{
    return rc::gen::container<Numbers>(dim, rc::gen::inRange(-3, 4));
}

rc::Gen<std::uint32_t> any_payload_size()
{
    return rc::gen::weightedOneOf<std::uint32_t>({{6, rc::gen::just<std::uint32_t>(0)},
                                                  {6, rc::gen::inRange<std::uint32_t>(1, 40)},
                                                  {2, rc::gen::inRange<std::uint32_t>(1, 5000)},
                                                  {1, rc::gen::inRange<std::uint32_t>(1, 300000)}});
}

void show_row(std::ostream &out, const Numbers &row)
{
    for (const int value : row) {
        out << " " << value;
    }
}

/* Insert, upsert and update differ in what they want to be there. */
enum class Want { absent, anything, present };

class Write : public Command
{
  public:
    explicit Write(const Model &model)
        : want_(*rc::gen::element(Want::absent, Want::anything, Want::anything, Want::present)),
          key_(*any_key()), row_(*any_row(model.setup.dim)), size_(*any_payload_size()),
          letter_(*rc::gen::inRange('a', 'z'))
    {
    }
    void run(const Model &, World &world) const override
    {
        const bool is_there = world.entries.count(key_) != 0;
        const std::string payload(size_, static_cast<char>(letter_));
        const akin_status status = call(world, payload);
        if (!world.accepts(row_)) {
            RC_ASSERT(status == AKIN_ZERO_VECTOR);
        } else if (!world.is_refusal(status)) {
            const akin_status expected = want_ == Want::absent && is_there     ? AKIN_EXISTS
                                         : want_ == Want::present && !is_there ? AKIN_NOT_FOUND
                                                                               : AKIN_OK;
            RC_ASSERT(status == expected);
        }
        if (status == AKIN_OK) {
            world.entries[key_] = Entry{row_, payload};
        }
        world.compare(key_);
    }
    void show(std::ostream &out) const override
    {
        out << (want_ == Want::absent    ? "insert "
                : want_ == Want::present ? "update "
                                         : "upsert ")
            << key_ << ", row";
        show_row(out, row_);
        out << ", payload " << size_ << " x " << static_cast<char>(letter_);
    }

  private:
    akin_status call(const World &world, const std::string &payload) const
    {
        const std::vector<unsigned char> bytes = world.bytes_of(row_);
        const akin_vector vector = {bytes.data(), world.setup().dim, world.setup().type};
        const akin_bytes content = {payload.data(), payload.size()};
        const auto write = want_ == Want::absent    ? akin_insert
                           : want_ == Want::present ? akin_update
                                                    : akin_upsert;
        return write(world.index, key_, &vector, &content, nullptr);
    }

    Want want_;
    std::uint64_t key_;
    Numbers row_;
    std::uint32_t size_;
    int letter_;
};

class Delete : public Command
{
  public:
    explicit Delete(const Model &) : key_(*any_key())
    {
    }
    void run(const Model &, World &world) const override
    {
        const bool is_there = world.entries.count(key_) != 0;
        const akin_status status = akin_delete(world.index, key_, nullptr);
        if (status == AKIN_OK) {
            world.entries.erase(key_);
        }
        /* With nobody to maintain, a full budget can leave a delete without a commit record. */
        if (!(world.is_refusal(status) && world.setup().maintenance == AKIN_MAINTENANCE_CALLER)) {
            RC_ASSERT(status == (is_there ? AKIN_OK : AKIN_NOT_FOUND));
        }
        world.compare(key_);
        std::uint64_t count = 0;
        RC_ASSERT(akin_count(world.index, &count, nullptr) == AKIN_OK);
        RC_ASSERT(count == world.entries.size());
    }
    void show(std::ostream &out) const override
    {
        out << "delete " << key_;
    }

  private:
    std::uint64_t key_;
};

class Search : public Command
{
  public:
    explicit Search(const Model &model)
        : row_(*any_row(model.setup.dim)), k_(*rc::gen::inRange<std::uint32_t>(1, 12)),
          modulus_(*rc::gen::weightedOneOf<std::uint64_t>(
              {{3, rc::gen::just<std::uint64_t>(1)}, {1, rc::gen::inRange<std::uint64_t>(2, 4)}}))
    {
    }
    void run(const Model &, World &world) const override
    {
        const std::vector<unsigned char> bytes = world.bytes_of(row_);
        const akin_vector query = {bytes.data(), world.setup().dim, world.setup().type};
        const akin_filter filter = {sizeof filter, nullptr, 0, accept,
                                    const_cast<std::uint64_t *>(&modulus_)};
        akin_search_options options;
        akin_search_options_init(&options);
        options.k = k_;
        options.filter = modulus_ > 1 ? &filter : nullptr;
        std::vector<akin_neighbor> results(k_);
        std::uint32_t count = 0;
        const akin_status status =
            akin_search(world.index, nullptr, &query, &options, results.data(), &count, nullptr);
        RC_ASSERT(status == (world.accepts(row_) ? AKIN_OK : AKIN_ZERO_VECTOR));
        if (status == AKIN_OK) {
            results.resize(count);
            compare(world, results);
        }
    }
    void show(std::ostream &out) const override
    {
        out << "search k " << k_ << ", keys divisible by " << modulus_ << ", row";
        show_row(out, row_);
    }

  private:
    static int accept(void *context, std::uint64_t key)
    {
        return key % *static_cast<const std::uint64_t *>(context) == 0;
    }

    void compare(const World &world, const std::vector<akin_neighbor> &results) const
    {
        std::vector<std::pair<long double, std::uint64_t>> expected;
        for (const auto &pair : world.entries) {
            if (pair.first % modulus_ == 0) {
                expected.emplace_back(distance_of(world.setup().metric, row_, pair.second.row),
                                      pair.first);
            }
        }
        std::sort(expected.begin(), expected.end());
        expected.resize(std::min<std::size_t>(expected.size(), k_));
        RC_ASSERT(results.size() == expected.size());
        /* A cosine is rounded, so that ties may fall either way; the distances may not. */
        const long double tolerance = world.setup().metric == AKIN_COSINE ? 1e-14L : 0.0L;
        for (std::size_t i = 0; i < results.size(); ++i) {
            const auto entry = world.entries.find(results[i].key);
            RC_ASSERT(entry != world.entries.end());
            RC_ASSERT(results[i].key % modulus_ == 0);
            const long double own = distance_of(world.setup().metric, row_, entry->second.row);
            RC_ASSERT(std::fabs(static_cast<long double>(results[i].distance) - own) <= tolerance);
            RC_ASSERT(std::fabs(own - expected[i].first) <= tolerance);
            if (world.setup().metric != AKIN_COSINE) {
                RC_ASSERT(results[i].key == expected[i].second);
            }
            /* Not in the macro: its operators do not stop at the first that decides. */
            const bool in_order = i == 0 || results[i - 1].distance < results[i].distance ||
                                  (results[i - 1].distance == results[i].distance &&
                                   results[i - 1].key < results[i].key);
            RC_ASSERT(in_order);
        }
    }

    Numbers row_;
    std::uint32_t k_;
    std::uint64_t modulus_;
};

class Clear : public Command
{
  public:
    void run(const Model &, World &world) const override
    {
        const akin_status status = akin_clear(world.index, nullptr);
        if (world.is_refusal(status)) {
            forget_what_is_gone(world); /* it may have come a part of the way */
        } else {
            RC_ASSERT(status == AKIN_OK);
            world.entries.clear();
        }
        world.compare_all();
    }
    void show(std::ostream &out) const override
    {
        out << "clear";
    }

  private:
    static void forget_what_is_gone(World &world)
    {
        for (auto entry = world.entries.begin(); entry != world.entries.end();) {
            const bool is_there = akin_contains(world.index, entry->first, nullptr) == AKIN_OK;
            entry = is_there ? std::next(entry) : world.entries.erase(entry);
        }
    }
};

class Maintain : public Command
{
  public:
    explicit Maintain(const Model &)
        : mode_(*rc::gen::element(AKIN_MAINTAIN_ROUND, AKIN_MAINTAIN_DRAIN))
    {
    }
    void run(const Model &, World &world) const override
    {
        const akin_status status = akin_maintain(world.index, mode_, nullptr, nullptr);
        if (mode_ == AKIN_MAINTAIN_DRAIN) {
            RC_ASSERT(status == AKIN_OK);
        } else {
            /* The worker may be at it. */
            RC_ASSERT(status == AKIN_OK || (status == AKIN_BUSY &&
                                            world.setup().maintenance == AKIN_MAINTENANCE_WORKER));
        }
        world.compare_all();
    }
    void show(std::ostream &out) const override
    {
        out << (mode_ == AKIN_MAINTAIN_DRAIN ? "drain" : "maintain");
    }

  private:
    akin_maintain_mode mode_;
};

class Iterate : public Command
{
  public:
    void run(const Model &, World &world) const override
    {
        std::set<std::uint64_t> seen;
        const akin_status status = akin_iterate(world.index, visit, &seen, nullptr);
        if (!world.is_refusal(status)) {
            RC_ASSERT(status == AKIN_OK);
            RC_ASSERT(seen.size() == world.entries.size());
            for (const std::uint64_t key : seen) {
                RC_ASSERT(world.entries.count(key) == 1);
            }
        }
    }
    void show(std::ostream &out) const override
    {
        out << "iterate";
    }

  private:
    static int visit(void *context, const akin_record *record)
    {
        const bool is_new =
            static_cast<std::set<std::uint64_t> *>(context)->insert(record->key).second;
        return is_new ? 0 : 1; /* a key twice stops the walk, which fails the test */
    }
};

/* Save, load into an index of its own, and go on with that one. */
class SaveAndLoad : public Command
{
  public:
    void run(const Model &, World &world) const override
    {
        const char *const parent = std::getenv("TMPDIR");
        std::string path = std::string(parent != nullptr ? parent : "/tmp") + "/akin-prop-XXXXXX";
        const int descriptor = mkstemp(&path[0]);
        RC_ASSERT(descriptor >= 0);
        close(descriptor);
        const akin_status saved = akin_save(world.index, path.c_str(), nullptr);
        akin_index *loaded = nullptr;
        akin_status status = saved;
        if (saved == AKIN_OK) {
            const akin_options options = world.options_of(world.setup());
            status = akin_load(path.c_str(), &options, &loaded, nullptr);
        }
        unlink(path.c_str());
        /* A larger table or a frame may not fit, where the entries did. */
        const bool may_fail = world.setup().has_budget;
        RC_ASSERT(status == AKIN_OK ||
                  (may_fail && (status == AKIN_OVER_BUDGET || status == AKIN_BAD_BUDGET)));
        if (status == AKIN_OK) {
            RC_ASSERT(akin_close(world.index) == AKIN_OK);
            world.index = loaded;
        }
        world.compare_all();
    }
    void show(std::ostream &out) const override
    {
        out << "save and load";
    }
};

void behaves_like_a_map()
{
    const Setup setup = *any_setup().as("options");
    RC_TAG(setup.metric == AKIN_L2 ? "L2" : setup.metric == AKIN_COSINE ? "cosine" : "product");
    World world(setup);
    /* Writes come thrice as often as the rest. */
    rc::state::check(Model{setup}, world,
                     rc::state::gen::execOneOfWithArgs<Write, Write, Write, Delete, Search, Search,
                                                       Maintain, Iterate, Clear, SaveAndLoad>());
    RC_CLASSIFY(world.was_refused, "refused");
    world.compare_all();
    RC_ASSERT(akin_maintain(world.index, AKIN_MAINTAIN_DRAIN, nullptr, nullptr) == AKIN_OK);
    world.compare_all();
    RC_ASSERT(akin_close(world.index) == AKIN_OK);
    world.index = nullptr;
    RC_ASSERT(world.counted.live_bytes == 0u);
}

} // namespace

int main()
{
    return rc::check("an index on one thread behaves like a map with a sort", behaves_like_a_map)
               ? 0
               : 1;
}
