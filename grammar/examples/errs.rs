fn main(){ let t=std::fs::read_to_string(std::env::args().nth(1).unwrap()).unwrap();
 for e in rlx_grammar::parse(&t).errors { let line=t[..e.span.start].matches('\n').count()+1; println!("{line}: [{}] {:?} {} | {} | {}", e.code, &t[e.span.start..e.span.end], e.message, e.label, e.help.unwrap_or_default()); } }
