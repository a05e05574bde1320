"""The headers: each compiles alone, in every configuration, and says the same numbers as mm."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from guest import calls, cc, elf
from guest.calls import SYMBOLS, TABLE
from guest.cc import CompileError
from guest.compilers import find_compiler
from mm import gfp, page_flags
from mm.layout import KM_TYPE_NR, MAX_NR_ZONES, MAX_ORDER, PAGE_OFFSET, THREAD_SIZE, Layout

MAIN = "int main(int argc, char **argv) { return 0; }\n"
HEADERS = sorted(str(path.relative_to(cc.INCLUDE)) for path in cc.INCLUDE.rglob("*.h"))
LAYOUTS = [
    Layout(1, True, 64), Layout(1, False, 32), Layout(4, True, 128), Layout(32, False, 64),
    Layout(1, True, 64, pae=True), Layout(4, False, 64, pae=True),
]  # fmt: skip


def test_each_header_alone(tmp_path: Path, every_compiler: str, layout: Layout) -> None:
    """All in one run of the compiler, which for that must not be zig's own driver but the clang in it."""
    sources = []
    for number, header in enumerate(HEADERS):
        source = tmp_path / f"h{number}.c"
        source.write_text(f"#include <{header}>\n#include <{header}>\n")
        sources.append(str(source))
    command = cc._Builder(find_compiler(), layout, None, None)._command(Path("h.c"))
    if every_compiler == "ziglang":
        at = command.index("-target")
        command[at : at + 3] = ["--target=i386-unknown-none-elf", "-march=i586"]
        command[command.index("cc")] = "clang"
    result = subprocess.run([*command, "-fsyntax-only", *sources], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "layout", [LAYOUTS[0], *(pytest.param(layout, marks=pytest.mark.slow) for layout in LAYOUTS[1:])],
    ids=lambda layout: layout.vermagic,
)  # fmt: skip
def test_all_headers_in_every_configuration(tmp_path: Path, every_compiler: str, layout: Layout) -> None:
    source = tmp_path / "all.c"
    source.write_text("".join(f"#include <{header}>\n" for header in HEADERS) + MAIN)
    said: list[str] = []
    path = cc.build([source], layout, diagnostics=said.append)
    assert said == [] and elf.read(path).vermagics == [layout.vermagic]


def test_numbers_are_those_of_mm(build: Callable[..., Path]) -> None:
    facts = {f"__{name}": value for name, value in vars(gfp).items() if name.startswith("GFP_")}
    combined = ("ATOMIC", "NOIO", "NOFS", "KERNEL", "USER", "HIGHUSER", "LEVEL_MASK")
    facts = {(n[2:] if n[6:] in combined else n): v for n, v in facts.items()}
    assert "GFP_KERNEL" in facts and "__GFP_ZERO" in facts
    facts |= {f"(1u << {n})": v for n, v in vars(page_flags).items() if n.startswith("PG_")}
    facts |= {f"PG_{name}": bit for bit, name in enumerate(page_flags.NAMES)}
    facts |= {
        "PAGE_OFFSET": PAGE_OFFSET, "THREAD_SIZE": THREAD_SIZE, "MAX_ORDER": MAX_ORDER, "KM_TYPE_NR": KM_TYPE_NR,
        "LAST_PKMAP": Layout().last_pkmap, "MAX_NR_ZONES": MAX_NR_ZONES,
        "ZONES_PGSHIFT": page_flags.ZONES_SHIFT,
        "KM_USER0": 3, "KM_SOFTIRQ1": 12, "SLAB_HWCACHE_ALIGN": 0x2000, "SLAB_PANIC": 0x40000,
        "SLAB_RECLAIM_ACCOUNT": 0x20000, "SLAB_CACHE_DMA": 0x4000, "GFP_DMA": 1, "__PAGE_KERNEL": 0x163,
        "sizeof(struct page)": 40, "sizeof(long)": 4, "sizeof(size_t)": 4, "sizeof(u64)": 8, "sizeof(bool)": 1,
        "INT_MAX": 2**31 - 1, "ULONG_MAX": 2**32 - 1, "LLONG_MAX": 2**63 - 1, "EINVAL": 22, "ENOMEM": 12,
        "LINUX_VERSION_CODE": 0x20614, "HZ": 250, "VMALLOC_END": 0xFF7FE000, "PKMAP_BASE": 0xFF800000,
    }  # fmt: skip
    text = "#include <linux/version.h>\n#include <linux/slab.h>\n#include <linux/highmem.h>\n"
    text += "".join(f'_Static_assert({name} == {value}ULL, "{name}");\n' for name, value in facts.items())
    build(text + MAIN)


def test_every_exported_function_is_declared(build: Callable[..., Path]) -> None:
    folders = {name: "linux" if f"linux/{name}.h" in HEADERS else "asm" for name in (*calls.HEADERS, "interrupt")}
    text = "".join(f"#include <{folder}/{name}.h>\n" for name, folder in folders.items())
    text += "void *all[] = {" + ", ".join(f"(void *)({call.name})" for call in TABLE if call.name in SYMBOLS) + "};\n"
    assert set(elf.read(build(text + MAIN)).undefined) <= set(SYMBOLS)


# ordinary kernel code, of its time and later

OLD = """
#include <linux/config.h>
#include <linux/module.h>
#include <linux/kernel.h>
#include <linux/init.h>
#include <linux/slab.h>
#include <linux/highmem.h>
#include <linux/vmalloc.h>
#include <asm/uaccess.h>

struct thing { int n; struct list_head list; struct hlist_node hash; };
static kmem_cache_t *cache;
static LIST_HEAD(things);
static struct hlist_head table[16];
static spinlock_t lock = SPIN_LOCK_UNLOCKED;
static DECLARE_BITMAP(used, 64);

static void thing_ctor(void *p, kmem_cache_t *c, unsigned long flags)
{
	if ((flags & (SLAB_CTOR_VERIFY | SLAB_CTOR_CONSTRUCTOR)) == SLAB_CTOR_CONSTRUCTOR)
		memset(p, 0, sizeof(struct thing));
}

static void fill(struct page *page)
{
	char *kaddr = kmap_atomic(page, KM_USER0);

	memset(kaddr, 0, PAGE_CACHE);
	kunmap_atomic(kaddr, KM_USER0);
}

static int __init old_init(void)
{
	struct thing *t;
	struct hlist_node *pos;
	unsigned long flags;

	cache = kmem_cache_create("thing", sizeof(struct thing), 0, SLAB_HWCACHE_ALIGN, thing_ctor, NULL);
	if (!cache)
		return -ENOMEM;
	t = kmem_cache_alloc(cache, SLAB_KERNEL);
	spin_lock_irqsave(&lock, flags);
	list_add(&t->list, &things);
	hlist_add_head(&t->hash, &table[3]);
	spin_unlock_irqrestore(&lock, flags);
	hlist_for_each_entry(t, pos, &table[3], hash)
		set_bit(t->n, used);
	fill(alloc_page(GFP_HIGHUSER));
	printk(KERN_INFO "%s: pid %d, %p, %lu\\n", current->comm, current->pid, __va(0x100000), jiffies);
	return vmalloc_32(10) || __vmalloc(10, GFP_KERNEL | __GFP_HIGHMEM, PAGE_KERNEL) ? 0 : -EFAULT;
}

static void __exit old_exit(void)
{
	kmem_cache_destroy(cache);
}

module_init(old_init);
module_exit(old_exit);
MODULE_LICENSE("GPL");
""".replace("PAGE_CACHE", "PAGE_SIZE")

NEW = """
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/highmem.h>
#include <linux/uaccess.h>
#include <linux/mutex.h>
#include <linux/err.h>
#include <linux/sched.h>

struct thing { int n; struct list_head list; struct hlist_node hash; };
static struct kmem_cache *cache;
static HLIST_HEAD(bucket);
static DEFINE_MUTEX(mutex);
static DEFINE_SPINLOCK(lock);
static unsigned int count = 4;
module_param(count, uint, 0644);
MODULE_PARM_DESC(count, "how many");

static void thing_ctor(void *p)
{
	memset(p, 0, sizeof(struct thing));
}

static struct thing *make(void)
{
	struct thing *t = kmem_cache_zalloc(cache, GFP_KERNEL);

	return t ?: ERR_PTR(-ENOMEM);
}

static int __init new_init(void)
{
	struct thing *t, **many;
	void *kaddr, *area;

	cache = kmem_cache_create("thing", sizeof(struct thing), 0, SLAB_PANIC, thing_ctor);
	many = kmalloc_array(count, sizeof(*many), GFP_KERNEL);
	for (int i = 0; i < count; i++) {
		many[i] = make();
		if (IS_ERR(many[i]))
			return PTR_ERR(many[i]);
		hlist_add_head(&many[i]->hash, &bucket);
	}
	mutex_lock(&mutex);
	spin_lock(&lock);
	hlist_for_each_entry(t, &bucket, hash)
		t->n++;
	spin_unlock(&lock);
	mutex_unlock(&mutex);
	kaddr = kmap_atomic(alloc_page(GFP_HIGHUSER));
	clear_page(kaddr);
	kunmap_atomic(kaddr);
	area = vzalloc(4096);
	pr_info("%zu bytes, %d\\n", sizeof(*t), is_vmalloc_addr(area));
	vfree(area);
	kfree(krealloc(many, 100, GFP_KERNEL));
	return clamp(3, 1, 2) - 2;
}
module_init(new_init);
MODULE_LICENSE("Dual MIT/GPL");
"""


@pytest.mark.parametrize("text", [OLD, NEW], ids=["2.6.20", "later"])
def test_ordinary_code(tmp_path: Path, every_compiler: str, layout: Layout, text: str) -> None:
    source = tmp_path / "ordinary.c"
    source.write_text(text)
    said: list[str] = []
    image = elf.read(cc.build([source], layout, diagnostics=said.append)).link(0xF8810000, SYMBOLS.get)
    assert said == [] and image.kind == "init_module"


@pytest.mark.parametrize(
    ("call", "names"),
    [
        ('kmem_cache_create("a", 8, 0, 0, NULL, NULL)', {"kmem_cache_create"}),
        ('kmem_cache_create("a", 8, 0, 0, NULL)', {"kmem_cache_create"}),
        ("kmap_atomic(p, KM_USER0)", {"kmap_atomic"}),
        ("kmap_atomic(p)", {"kmap_atomic_push"}),
        ("(kunmap_atomic(p, KM_USER0), p)", {"kunmap_atomic"}),
        ("(kunmap_atomic(p), p)", {"kunmap_atomic_pop"}),
        ("__vmalloc(4, GFP_KERNEL, PAGE_KERNEL)", {"__vmalloc"}),
        ("__vmalloc(4, GFP_KERNEL)", {"__vmalloc"}),
    ],
)
def test_forms_by_number_of_arguments(build: Callable[..., Path], call: str, names: set[str]) -> None:
    text = "#include <linux/slab.h>\n#include <linux/highmem.h>\n#include <linux/vmalloc.h>\n"
    text += f"void *test(void *p) {{ return {call}; }}\n"
    assert set(elf.read(build(text + MAIN)).undefined) == names


def test_constructor_with_its_arguments_swapped(build: Callable[..., Path]) -> None:
    text = """#include <linux/slab.h>
static void ctor(struct kmem_cache *cache, void *object) { }
void *test(void) { return kmem_cache_create("a", 8, 0, 0, ctor); }
"""
    with pytest.raises(CompileError, match="a constructor takes the object first"):
        build(text + MAIN)


@pytest.mark.variants
@pytest.mark.parametrize(
    "text",
    [
        "int test(void) { int a = 1; long *b = 0; return min(a, b); }",
        "int bad(int x) { return x; } module_init(bad);",
        "int test(char *p) { return ARRAY_SIZE(p); }",
        'void test(void) { printk("%d", "text"); }',
    ],
)
def test_types_are_checked(tmp_path: Path, layout: Layout, text: str) -> None:
    source = tmp_path / "program.c"
    source.write_text(f"#include <linux/module.h>\n{text}\n{MAIN}")
    said: list[str] = []
    try:
        cc.build([source], layout, diagnostics=said.append)
    except CompileError as error:
        said.append(str(error))
    assert said and "program.c:2:" in said[0]
