//! Reads the items of a source, as far as they decide what the bytes of a value mean.

use crate::{
    session::digest,
    source::{
        fingerprint::JOINING,
        fingerprints::{
            Reading, encoding,
            tokens::{self, hash, mentions, significant},
        },
    },
};
use proc_macro2::TokenStream;
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{GenericParam, Generics, Ident, ImplItem, Item, TraitItem, UseTree};

/// Macros whose calls define statics, on which no type depends.
const DEFINE_STATICS: [&str; 2] = ["lazy_static", "thread_local"];

/// An item that types can depend on.
#[derive(Debug, Default)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) module: Vec<String>,
    /// Other names by which a type reaches the item.
    pub(super) also: BTreeSet<String>,
    pub(super) hash: String,
    pub(super) tokens: TokenStream,
    pub(super) mentions: Vec<Vec<String>>,
    /// Paths in attributes of serde's, such as the module in `#[serde(with = "module")]`.
    pub(super) encoding_mentions: Vec<Vec<String>>,
    /// The hash of the derive macros that encode the type, unless they are serde's own.
    pub(super) derives: String,
    /// The readings of a path from which on it reaches the item, if not all of them do: the item is code.
    pub(super) counts_for: Option<Reading>,
    /// The item is an `impl` or a glob. When it is new, it changes no type that existed before.
    pub(super) joins: bool,
    /// The item is a type that values can have.
    pub(super) is_type: bool,
    /// The item can define names that are not in its text.
    pub(super) brings_names: bool,
    /// The path that a glob or a renaming import makes reachable elsewhere.
    pub(super) opens: Vec<String>,
}

impl Definition {
    pub(super) fn path(&self) -> Vec<String> {
        self.module.iter().chain([&self.name]).cloned().collect()
    }

    /// Returns the item's name in messages.
    pub(super) fn label(&self) -> String {
        self.path().join("::")
    }

    /// Returns the item's name in a fingerprint.
    pub(super) fn line_name(&self) -> String {
        match self.joins {
            true => format!("{JOINING}{}", self.label()),
            false => self.label(),
        }
    }

    fn new(module: &[String], name: impl ToString, tokens: TokenStream) -> Definition {
        let (derives, encoding_mentions) = encoding::of_attributes(&tokens);
        let tokens = significant(tokens);
        Definition {
            name: name.to_string().trim_start_matches("r#").to_owned(),
            module: module.to_vec(),
            also: BTreeSet::new(),
            hash: hash(&tokens),
            mentions: mentions(&tokens),
            encoding_mentions,
            derives,
            tokens,
            ..Definition::default()
        }
    }

    /// Removes the mentions of names that the item declares itself, such as a type parameter.
    fn declaring<'a>(mut self, names: impl IntoIterator<Item = &'a Ident>) -> Definition {
        let names: BTreeSet<String> = names.into_iter().map(Ident::to_string).collect();
        self.mentions.retain(|path| !names.contains(&path[0]));
        self
    }

    /// Makes a definition of tokens that are not understood. A type reaches it by any name in it.
    fn opaque(module: &[String], tokens: TokenStream) -> Definition {
        let mut definition = Definition::new(module, "", tokens);
        definition.name = format!("an item ({})", definition.hash);
        definition.also = tokens::names(&definition.tokens);
        definition.also.retain(|name| tokens::is_definable(name));
        definition.brings_names = true;
        definition
    }
}

/// Reads all items, those in modules included. Reads functions only `with_code`.
pub(super) fn read(tokens: TokenStream, with_code: bool) -> Vec<Definition> {
    let mut reader = Reader {
        found: Vec::new(),
        with_code,
    };
    reader.items(&[], tokens);
    let local: BTreeSet<String> = reader.found.iter().map(|it| it.name.clone()).collect();
    reader.close_enums();
    for joining in reader.found.iter_mut().filter(|it| it.joins) {
        // A type reaches an `impl` by the notebook's own names in its header, and not by `Iterator`, say.
        joining.also.retain(|name| local.contains(name));
    }
    reader.found
}

struct Reader {
    found: Vec<Definition>,
    with_code: bool,
}

impl Reader {
    fn items(&mut self, module: &[String], tokens: TokenStream) {
        for item in tokens::split(tokens) {
            match item {
                Ok(item) => self.item(module, item),
                Err(tokens) => self.found.push(Definition::opaque(module, tokens)),
            }
        }
    }

    fn item(&mut self, module: &[String], item: Item) {
        match item {
            Item::Struct(it) => self.add_type(module, &it.ident, &it, parameters(&it.generics)),
            Item::Enum(it) => {
                let variants = it.variants.iter().map(|variant| &variant.ident);
                self.add_type(module, &it.ident, &it, parameters(&it.generics).chain(variants));
            }
            Item::Union(it) => self.add_type(module, &it.ident, &it, parameters(&it.generics)),
            Item::Type(it) => {
                let definition = Definition::new(module, &it.ident, it.to_token_stream());
                self.found.push(definition.declaring(parameters(&it.generics)));
            }
            Item::TraitAlias(it) => self.add(module, &it.ident, &it),
            Item::Const(it) if it.ident == "_" => {
                // Nothing in the constant can be named from outside, but it may hold implementations.
                let mut definition = Definition::opaque(module, it.into_token_stream());
                definition.brings_names = false;
                self.found.push(definition);
            }
            Item::Const(it) => self.add(module, &it.ident, &it),
            // No type depends on a body that the compiler does not evaluate.
            Item::Fn(it) if it.sig.constness.is_none() => self.add_code(module, &it.sig.ident, &it),
            Item::Fn(it) => self.add(module, &it.sig.ident, &it),
            Item::Static(_) => {}
            Item::Trait(it) => self.add_trait(module, it),
            Item::Impl(it) => self.add_impl(module, it),
            Item::Use(it) => self.add_use(module, &it.tree, &mut Vec::new()),
            Item::ExternCrate(it) => {
                let name = it.rename.as_ref().map_or(&it.ident, |(_, name)| name).clone();
                self.add(module, &name, &it);
            }
            Item::Macro(it) => self.add_macro(module, &it),
            Item::Mod(it) => match it.content {
                Some((_, items)) => {
                    let module: Vec<String> = module.iter().cloned().chain([it.ident.to_string()]).collect();
                    items.into_iter().for_each(|item| self.item(&module, item));
                }
                None => self.found.push(Definition::opaque(module, it.into_token_stream())),
            },
            other => self.found.push(Definition::opaque(module, other.into_token_stream())),
        }
    }

    fn add(&mut self, module: &[String], name: &syn::Ident, item: &impl ToTokens) {
        self.found.push(Definition::new(module, name, item.to_token_stream()));
    }

    /// Adds a function, on which only encoded values can depend.
    fn add_code(&mut self, module: &[String], name: &Ident, function: &impl ToTokens) {
        if self.with_code {
            let definition = Definition::new(module, name, function.to_token_stream());
            self.found.push(Definition {
                counts_for: Some(Reading::Code),
                ..definition
            });
        }
    }

    /// Adds the functions of an `impl`, and the `impl` as a whole if it is of a trait of serde's.
    fn add_code_of_impl(&mut self, module: &[String], item: &syn::ItemImpl) {
        if let Some(name) = encoding::implemented(item) {
            let mut definition = Definition::new(module, name, item.to_token_stream());
            definition.also = tokens::names(&item.self_ty.to_token_stream());
            definition.also.retain(|name| tokens::is_definable(name));
            definition.counts_for = Some(Reading::Encoded);
            self.found.push(definition);
        } else {
            for member in &item.items {
                if let ImplItem::Fn(method) = member
                    && method.sig.constness.is_none()
                {
                    self.add_code(module, &method.sig.ident, method);
                }
            }
        }
    }

    fn add_type<'a>(
        &mut self,
        module: &[String],
        name: &Ident,
        item: &impl ToTokens,
        declared: impl Iterator<Item = &'a Ident>,
    ) {
        let definition = Definition::new(module, name, item.to_token_stream());
        self.found.push(Definition {
            is_type: true,
            ..definition.declaring(declared)
        });
    }

    /// Adds a trait, without the bodies of its methods. A trait decides what the table of its methods looks like, and
    /// names types.
    fn add_trait(&mut self, module: &[String], mut item: syn::ItemTrait) {
        for member in &mut item.items {
            if let TraitItem::Fn(method) = member
                && method.sig.constness.is_none()
            {
                self.add_code(module, &method.sig.ident, method);
                method.default = None;
            }
        }
        let members = item.items.iter().filter_map(|member| match member {
            TraitItem::Type(member) => Some(&member.ident),
            TraitItem::Const(member) => Some(&member.ident),
            TraitItem::Fn(member) => Some(&member.sig.ident),
            _ => None,
        });
        let definition = Definition::new(module, &item.ident, item.to_token_stream());
        self.found
            .push(definition.declaring(parameters(&item.generics).chain(members)));
    }

    /// Adds the parts of an `impl` that types can depend on: associated types, constants, and constant functions.
    fn add_impl(&mut self, module: &[String], mut item: syn::ItemImpl) {
        if self.with_code {
            self.add_code_of_impl(module, &item);
        }
        item.items
            .retain(|member| !matches!(member, ImplItem::Fn(method) if method.sig.constness.is_none()));
        if item.items.is_empty() {
            return;
        }
        let consts = item.items.iter().filter_map(|member| match member {
            ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
            _ => None,
        });
        let consts: BTreeSet<String> = consts.collect();
        if consts.len() == item.items.len() {
            // Constant functions alone count for the types that call them.
            for member in &item.items {
                if let ImplItem::Fn(method) = member {
                    self.add(module, &method.sig.ident, method);
                }
            }
            return;
        }
        let mut header = item.clone();
        header.items.clear();
        header.attrs.clear();
        let header = header.into_token_stream();
        let name = header.to_string().trim_end_matches("{ }").trim().to_owned();
        let members = item.items.iter().filter_map(|member| match member {
            ImplItem::Type(member) => Some(&member.ident),
            ImplItem::Const(member) => Some(&member.ident),
            _ => None,
        });
        let definition = Definition::new(module, name, item.to_token_stream());
        let mut definition = definition.declaring(parameters(&item.generics).chain(members));
        definition.also = tokens::names(&header);
        definition.joins = true;
        self.found.push(definition);
    }

    fn add_use(&mut self, module: &[String], tree: &UseTree, before: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.add_use(module, &path.tree, before);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use(module, tree, before);
                }
            }
            UseTree::Name(name) if name.ident == "self" => {
                let name = before.last().cloned().unwrap_or_default();
                self.import(module, &name, before);
            }
            UseTree::Name(name) => self.import(module, &name.ident.to_string(), &with(before, &name.ident)),
            UseTree::Rename(rename) => {
                let imported = with(before, &rename.ident);
                self.import(module, &rename.rename.to_string(), &imported);
                if let Some(definition) = self.found.last_mut() {
                    definition.opens = path(&imported);
                }
            }
            UseTree::Glob(_) => {
                let label = format!("use {}::*", before.join("::"));
                let mut definition = Definition::new(module, &label, TokenStream::new());
                definition.hash = digest::of(label, 8);
                definition.mentions = vec![path(before)];
                definition.brings_names = true;
                definition.opens = path(before);
                // A name that two globs bring in is ambiguous, which rustc refuses.
                definition.joins = true;
                self.found.push(definition);
            }
        }
    }

    /// Marks globs of enums: they bring in variants, which are no types.
    fn close_enums(&mut self) {
        let types = self.found.iter().filter(|it| it.is_type).map(Definition::path);
        let types: BTreeSet<Vec<String>> = types.collect();
        for glob in self.found.iter_mut().filter(|it| types.contains(&it.opens)) {
            glob.brings_names = false;
        }
    }

    fn import(&mut self, module: &[String], name: &str, imported: &[String]) {
        let imported = path(imported);
        if tokens::is_in_prelude(name, &imported) {
            return;
        }
        let tokens: TokenStream = imported.join("::").parse().unwrap_or_default();
        let mut definition = Definition::new(module, name, tokens);
        // A name that is imported under itself is no mention of itself.
        definition
            .mentions
            .retain(|mention| mention.len() > 1 || mention[0] != name);
        self.found.push(definition);
    }

    /// Adds the definition of a macro, or a call of a macro in place of items. A type reaches both by the macro's name,
    /// and by every name that they may define.
    fn add_macro(&mut self, module: &[String], item: &syn::ItemMacro) {
        let called = item.mac.path.segments.last().filter(|_| item.ident.is_none());
        if called.is_some_and(|name| DEFINE_STATICS.iter().any(|it| name.ident == it)) {
            return;
        }
        let tokens = item.mac.tokens.clone();
        if let Some(name) = &item.ident {
            let mut definition = Definition::new(module, name, item.to_token_stream());
            definition.also = tokens::defined(&tokens);
            self.found.push(definition);
            return;
        }
        let mut definition = Definition::opaque(module, item.to_token_stream());
        definition
            .also
            .extend(item.mac.path.segments.iter().map(|it| it.ident.to_string()));
        if let Some(name) = item.mac.path.get_ident() {
            definition.name = format!("{name}!({})", definition.hash);
        }
        self.found.push(definition);
    }
}

/// Returns the type and constant parameters of an item.
fn parameters(generics: &Generics) -> impl Iterator<Item = &Ident> {
    generics.params.iter().filter_map(|parameter| match parameter {
        GenericParam::Type(parameter) => Some(&parameter.ident),
        GenericParam::Const(parameter) => Some(&parameter.ident),
        GenericParam::Lifetime(_) => None,
    })
}

fn with(before: &[String], name: &syn::Ident) -> Vec<String> {
    before.iter().cloned().chain([name.to_string()]).collect()
}

/// Removes the keywords with which a path may begin, and the marks `r#`.
fn path(path: &[String]) -> Vec<String> {
    let root = ["crate", "self", "super"];
    let names = path.iter().map(|name| name.trim_start_matches("r#"));
    names
        .skip_while(|name| root.contains(name))
        .map(str::to_owned)
        .collect()
}
