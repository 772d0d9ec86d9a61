'use strict';
(() => {
  const text = cell => (cell ? cell.textContent.trim() : '');
  const order = new Intl.Collator(undefined, { numeric: true });
  const number = value => {
    const plain = value.replace(/[\u202f\s%]/g, '');
    return /^\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
  };
  const compare = (a, b) => {
    const [x, y] = [number(a), number(b)];
    return x !== null && y !== null ? x - y : order.compare(a, b);
  };

  // Each tbody is one entry; its first row holds what it is sorted by.
  for (const table of document.querySelectorAll('table.sortable')) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if (head.classList.contains('plain')) return;
      head.tabIndex = 0;
      const sort = () => {
        const down = head.getAttribute('aria-sort') === 'ascending';
        heads.forEach(each => each.removeAttribute('aria-sort'));
        head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        const bodies = [...table.tBodies].map(body => [text(body.rows[0].cells[column]), body]);
        bodies.sort(([a], [b]) => (down ? compare(b, a) : compare(a, b)));
        table.append(...bodies.map(([, body]) => body));
      };
      head.addEventListener('click', sort);
      head.addEventListener('keydown', event => {
        if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); sort(); }
      });
    });
  }

  const filters = document.querySelector('.filters');
  if (filters) {
    filters.hidden = false;
    const entries = [...document.querySelectorAll('table.findings tbody')].map(body => ({
      body,
      text: body.textContent.toLowerCase(),
      sources: body.dataset.sources.split(' '),
      severity: body.dataset.severity,
    }));
    const [words, source, matches] = ['filter', 'source', 'matches'].map(id => document.getElementById(id));
    const apply = () => {
      const sought = words.value.trim().toLowerCase();
      const severities = new Set([...filters.querySelectorAll(':checked')].map(box => box.value));
      let shown = 0;
      for (const entry of entries) {
        const fits = severities.has(entry.severity) && entry.text.includes(sought)
          && (!source.value || entry.sources.includes(source.value));
        entry.body.hidden = !fits;
        shown += fits;
      }
      for (const group of document.querySelectorAll('details.class')) {
        group.classList.toggle('void', !group.querySelector('tbody:not([hidden])'));
      }
      matches.value = shown === entries.length ? '' : `${shown} of ${entries.length} shown`;
    };
    filters.addEventListener('input', apply);
    apply();
  }

  let folded = [];
  addEventListener('beforeprint', () => {
    folded = [...document.querySelectorAll('details:not([open])')];
    folded.forEach(each => { each.open = true; });
  });
  addEventListener('afterprint', () => folded.forEach(each => { each.open = false; }));
})();
