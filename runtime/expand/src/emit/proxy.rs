//! The caller's half: the proxy, and the functions that make one.

use super::output;
use crate::{
    at,
    method::{Method, Parameter},
    model::Tessera,
};
use proc_macro2::{Literal, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

pub(super) fn proxy(tessera: &Tessera) -> TokenStream {
    let (proxy, ident) = (&tessera.proxy, &tessera.ident);
    let documentation = format!(" A remote `{ident}`: each method returns its task at once.");
    quote! {
        #[doc = #documentation]
        pub struct #proxy {
            raw: ::mosaic::__private::Tessera,
        }
        impl ::core::clone::Clone for #proxy {
            fn clone(&self) -> #proxy {
                #proxy { raw: ::core::clone::Clone::clone(&self.raw) }
            }
        }
        impl ::mosaic::HasPlace for #proxy {
            fn __uid(&self) -> ::std::string::String {
                self.raw.uid()
            }
        }
        impl ::mosaic::Proxy for #proxy {
            fn __tessera(&self) -> &::mosaic::__private::Tessera {
                &self.raw
            }
        }
    }
}

pub(super) fn remote(tessera: &Tessera) -> TokenStream {
    let Tessera {
        ident,
        self_type,
        proxy,
        constructor,
        ..
    } = tessera;
    let (inputs, values) = (inputs(constructor), values(constructor));
    let own = &constructor.documentation;
    let documentation = format!(" Constructs a `{ident}` on a worker and returns its proxy at once.");
    quote! {
        impl #self_type {
            #[doc = #documentation]
            #[doc = ""]
            #(#own)*
            pub fn remote(#(#inputs),*) -> #proxy {
                #proxy { raw: ::mosaic::__private::Tessera::create(&__TABLE, __options(), #values) }
            }
        }
    }
}

/// Generates the function that returns the options on the attribute.
pub(super) fn options(tessera: &Tessera) -> TokenStream {
    let options = tessera.options.iter().map(|option| {
        let (name, value) = (&option.name, &option.value);
        quote_spanned!(at(name.span())=> .#name(#value))
    });
    quote! {
        fn __options() -> ::mosaic::Options {
            ::mosaic::Options::new()#(#options)*
        }
    }
}

/// Generates `Solver1::with(options).remote(…)`.
pub(super) fn with(tessera: &Tessera) -> TokenStream {
    let Tessera {
        ident,
        self_type,
        proxy,
        remote,
        constructor,
        ..
    } = tessera;
    let (inputs, values): (Vec<TokenStream>, TokenStream) = (inputs(constructor).collect(), values(constructor));
    let own = &constructor.documentation;
    let documentation =
        format!(" The options with which `{ident}`s are constructed and called. Made by `{ident}::with`.");
    let (construct, construct_all, with) = (
        format!(" Constructs a `{ident}` on a worker, with these options, and returns its proxy at once."),
        format!(
            " Constructs `__len` `{ident}`s with these options and the same arguments, and returns their proxies at once."
        ),
        format!(" Sets options for the construction and the calls of a `{ident}`: `{ident}::with(options).remote(…)`."),
    );
    quote! {
        #[doc = #documentation]
        #[must_use]
        pub struct #remote {
            options: ::mosaic::Options,
        }
        impl #self_type {
            #[doc = #with]
            pub fn with(options: ::mosaic::Options) -> #remote {
                #remote { options: options.or(&__options()) }
            }
        }
        impl #remote {
            #[doc = #construct]
            #[doc = ""]
            #(#own)*
            pub fn remote(&self, #(#inputs),*) -> #proxy {
                let options = ::core::clone::Clone::clone(&self.options);
                #proxy { raw: ::mosaic::__private::Tessera::create(&__TABLE, options, #values) }
            }
            #[doc = #construct_all]
            #[track_caller]
            pub fn remote_array(&self, __len: usize, #(#inputs),*) -> ::mosaic::ProxyArray<#proxy> {
                ::mosaic::__private::remote_array(&__TABLE, &self.options, __len, &#values, |raw| #proxy { raw })
            }
        }
    }
}

pub(super) fn local(tessera: &Tessera) -> TokenStream {
    let Tessera {
        ident,
        self_type,
        proxy,
        constructor,
        ..
    } = tessera;
    let (inputs, values) = (inputs(constructor), values(constructor));
    let documentation = format!(
        " Constructs a `{ident}` in the calling process, on a thread of its own, and returns its proxy at once."
    );
    quote! {
        impl #self_type {
            #[doc = #documentation]
            pub fn local(#(#inputs),*) -> #proxy {
                let options = __options().worker("head");
                #proxy { raw: ::mosaic::__private::Tessera::create(&__TABLE, options, #values) }
            }
        }
    }
}

pub(super) fn remote_array(tessera: &Tessera) -> TokenStream {
    let Tessera {
        ident,
        self_type,
        proxy,
        constructor,
        ..
    } = tessera;
    let (inputs, values) = (inputs(constructor), values(constructor));
    let documentation = format!(
        " Constructs `__len` `{ident}`s on workers, all with the same arguments, and returns their proxies at once."
    );
    quote! {
        impl #self_type {
            #[doc = #documentation]
            #[track_caller]
            pub fn remote_array(__len: usize, #(#inputs),*) -> ::mosaic::ProxyArray<#proxy> {
                ::mosaic::__private::remote_array(&__TABLE, &__options(), __len, &#values, |raw| #proxy { raw })
            }
        }
    }
}

pub(super) fn attach(tessera: &Tessera) -> TokenStream {
    let Tessera {
        ident,
        self_type,
        proxy,
        ..
    } = tessera;
    let documentation =
        format!(" Finds a living `{ident}` by its unique name, and returns a new proxy of it, once awaited.");
    quote! {
        impl #self_type {
            #[doc = #documentation]
            pub fn attach(uid: impl ::core::convert::AsRef<str>) -> ::mosaic::__private::Attach<#proxy> {
                ::mosaic::__private::Attach::new(&__DEFINITION, ::core::convert::AsRef::as_ref(&uid), |raw| #proxy { raw: raw.or(&__options()) })
            }
        }
    }
}

pub(super) fn actor(tessera: &Tessera) -> TokenStream {
    let Tessera { self_type, proxy, .. } = tessera;
    quote! {
        impl ::mosaic::Actor for #self_type {
            type Proxy = #proxy;
            const OBJECT: ::mosaic::__private::Slice = __OBJECT;
            fn table() -> &'static ::mosaic::__private::TesseraTable {
                &__TABLE
            }
            fn options() -> ::mosaic::Options {
                __options()
            }
            fn proxy(tessera: ::mosaic::__private::Tessera) -> #proxy {
                #proxy { raw: tessera }
            }
        }
    }
}

pub(super) fn proxy_methods(tessera: &Tessera) -> TokenStream {
    let proxy = &tessera.proxy;
    let fields = fields(tessera);
    let methods = (0..)
        .zip(&tessera.methods)
        .map(|(number, method)| proxy_method(number, method));
    quote! {
        impl #proxy {
            #(#methods)*
            #(#fields)*
            /// Returns a proxy of the same tessera whose calls also wait until `task` is done.
            pub fn after<__D>(&self, task: &::mosaic::TaskProxy<__D>) -> #proxy {
                #proxy { raw: self.raw.after(task) }
            }
            /// Returns a proxy of the same tessera whose calls have these options.
            pub fn with(&self, options: ::mosaic::Options) -> #proxy {
                #proxy { raw: self.raw.with(options) }
            }
            /// Returns the tessera's unique name.
            pub fn uid(&self) -> ::std::string::String {
                self.raw.uid()
            }
        }
    }
}

/// Generates `get` and `update`, each unless the user has a method of that name.
fn fields(tessera: &Tessera) -> Vec<TokenStream> {
    let self_type = &tessera.self_type;
    let get = quote! {
        /// Runs a function that reads the object, in its turn among the calls. The function must capture nothing.
        pub fn get<__R: ::mosaic::Portable>(
            &self,
            function: impl ::core::ops::Fn(&#self_type) -> __R
                + ::core::marker::Copy + ::core::marker::Send + 'static,
        ) -> ::mosaic::TaskProxy<__R> {
            self.raw.get::<#self_type, __R, _>(&__DEFINITION, function)
        }
    };
    let update = quote! {
        /// Runs a function that changes the object, in its turn among the calls. The function must capture nothing.
        pub fn update<__A: ::mosaic::Portable, __R: ::mosaic::Portable>(
            &self,
            function: impl ::core::ops::Fn(&mut #self_type, __A) -> __R
                + ::core::marker::Copy + ::core::marker::Send + 'static,
            argument: impl ::mosaic::__private::IntoArg<__A>,
        ) -> ::mosaic::TaskProxy<__R> {
            let argument = ::mosaic::__private::IntoArg::into_arg(argument);
            self.raw.update::<#self_type, __A, __R, _>(&__DEFINITION, function, argument)
        }
    };
    let is_free = |name: &str| !tessera.methods.iter().any(|method| method.ident == name);
    let both = [("get", get), ("update", update)];
    let free = both.into_iter().filter(|(name, _)| is_free(name));
    free.map(|(_, method)| method).collect()
}

fn proxy_method(number: u32, method: &Method) -> TokenStream {
    let (ident, documentation) = (&method.ident, &method.documentation);
    let (inputs, values, output) = (inputs(method), values(method), output(method));
    let number = Literal::u32_unsuffixed(number);
    // `self` must be resolved where it is declared, so both get the same span, whichever macro wrote the user's tokens.
    quote_spanned! {at(ident.span())=>
        #(#documentation)*
        pub fn #ident(&self, #(#inputs),*) -> ::mosaic::TaskProxy<#output> {
            self.raw.call(&__DEFINITION, #number, #values)
        }
    }
}

pub(super) fn formats(tessera: &Tessera) -> TokenStream {
    let proxy = &tessera.proxy;
    let format = |name: &str| {
        let name = Ident::new(name, Span::call_site());
        quote! {
            impl ::core::fmt::#name for #proxy {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::#name::fmt(&self.raw, f)
                }
            }
        }
    };
    [format("Debug"), format("Display")].into_iter().collect()
}

pub(super) fn futures(tessera: &Tessera) -> TokenStream {
    let proxy = &tessera.proxy;
    let future = |receiver: TokenStream, owned: TokenStream| {
        quote! {
            impl ::core::future::IntoFuture for #receiver {
                type Output = ::core::result::Result<#proxy, ::mosaic::TaskError>;
                type IntoFuture = ::mosaic::__private::Constructed<#proxy>;
                fn into_future(self) -> ::mosaic::__private::Constructed<#proxy> {
                    ::mosaic::__private::Constructed::new(::core::clone::Clone::clone(&self.raw), #owned)
                }
            }
        }
    };
    let by_value = future(quote!(#proxy), quote!(self));
    let by_reference = future(quote!(&#proxy), quote!(::core::clone::Clone::clone(self)));
    quote!(#by_value #by_reference)
}

/// Generates the parameters of a remote call: `data: impl IntoArg<Array3<f32>>`.
fn inputs(method: &Method) -> impl Iterator<Item = TokenStream> {
    method.parameters.iter().map(
        |Parameter { name, ty, span, .. }| quote_spanned!(at(*span)=> #name: impl ::mosaic::__private::IntoArg<#ty>),
    )
}

/// Generates the vector of a call's arguments.
fn values(method: &Method) -> TokenStream {
    if method.parameters.is_empty() {
        return quote!(::std::vec::Vec::new());
    }
    let values = method
        .parameters
        .iter()
        .map(|Parameter { name, span, .. }| quote_spanned!(at(*span)=> ::mosaic::__private::IntoArg::into_arg(#name)));
    quote!(::std::vec::Vec::from([#(#values),*]))
}
