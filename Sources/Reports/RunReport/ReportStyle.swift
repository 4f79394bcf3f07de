/// How a report looks and answers the pointer.
enum ReportStyle {
    static let sheet = """
        *{box-sizing:border-box}
        body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        main{max-width:1240px;margin:0 auto;padding:16px}
        h1{font-size:1.5rem;margin:.5rem 0}
        h2{font-size:1.15rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--faint);padding-bottom:.2rem}
        h3{font-size:1rem;margin:1rem 0 .4rem}
        h3 i{display:inline-block;width:.8em;height:.8em;margin-right:.4em;border-radius:50%;background:currentColor}
        .tiles{display:flex;flex-wrap:wrap;gap:8px}
        .tiles div{border:1px solid var(--faint);border-radius:8px;padding:6px 12px}
        .tiles span{display:block;font-size:.8rem;opacity:.7}
        .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:16px}
        figure{margin:0;min-width:0}
        .plot{width:100%;height:auto;display:block}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;font-size:.9rem}
        th,td{padding:4px 10px;text-align:left;border-bottom:1px solid var(--faint);vertical-align:top}
        th{font-weight:600}
        .number{text-align:right;font-variant-numeric:tabular-nums}
        td:last-child{min-width:8rem}
        .confusion td{text-align:right;font-variant-numeric:tabular-nums}
        .cell{background:color-mix(in srgb,var(--s1) calc(var(--v)*70%),transparent)}
        .cell.right{background:color-mix(in srgb,var(--s2) calc(var(--v)*70%),transparent)}
        .bar{height:.9em;margin-top:.3em;min-width:1px;width:calc(var(--v)*240px);background:var(--s0);border-radius:3px}
        pre{overflow-x:auto;padding:12px;border:1px solid var(--faint);border-radius:8px;font-size:.85rem;line-height:1.4}
        summary{cursor:pointer}
        #tip{position:fixed;pointer-events:none;background:var(--ground);border:1px solid var(--faint);border-radius:6px;padding:4px 8px;font-size:.85rem;white-space:pre}
        """

    /// Shows the values at the pointer: each line's point nearest to it, read back from the picture by the frame's values.
    static let script = """
        const tip=document.getElementById('tip');
        for(const plot of document.querySelectorAll('svg.plot')){
          const d=plot.dataset,num=k=>Number(d[k]);
          if(d.x0===undefined)continue;
          const lines=[...plot.querySelectorAll('[data-name]')].map(e=>({name:e.dataset.name,points:
            e.tagName==='circle'?[[Number(e.getAttribute('cx')),Number(e.getAttribute('cy'))]]
            :e.getAttribute('points').split(' ').map(p=>p.split(',').map(Number))}));
          const value=(p,a,b,low,high)=>num(low)+(p-a)/(b-a)*(num(high)-num(low));
          const show=v=>Math.abs(v)>=1e6||v&&Math.abs(v)<1e-3?v.toExponential(2):String(Number(v.toPrecision(5)));
          plot.addEventListener('pointermove',e=>{
            const box=plot.getBoundingClientRect(),x=(e.clientX-box.left)/box.width*plot.viewBox.baseVal.width;
            const near={};let at=null;
            for(const l of lines)for(const p of l.points){
              const gap=Math.abs(p[0]-x);
              if(!near[l.name]||gap<near[l.name].gap)near[l.name]={gap,p};
              if(at===null||gap<Math.abs(at-x))at=p[0];}
            if(at===null)return;
            tip.textContent='step '+show(value(at,num('left'),num('right'),'x0','x1'))+'\\n'+
              Object.entries(near).map(([n,v])=>n+' '+show(value(v.p[1],num('base'),num('top'),'y0','y1'))).join('\\n');
            tip.hidden=false;
            tip.style.left=Math.min(e.clientX+14,innerWidth-tip.offsetWidth-8)+'px';
            tip.style.top=Math.min(e.clientY+14,innerHeight-tip.offsetHeight-8)+'px';
          });
          plot.addEventListener('pointerleave',()=>{tip.hidden=true});
        }
        """
}
